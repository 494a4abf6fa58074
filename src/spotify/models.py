"""Spotify tables: the connection, its schedule and runs, and the shared quota.

Tables of the podcast library are in `library_models.py`.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, object_session, relationship

from src.database import Base, UtcDateTime
from src.spotify.library_models import Episode, Play, SavedEpisode, SavedShow, Show

__all__ = [
    "ConnectionState",
    "Episode",
    "OAuthState",
    "Outcome",
    "Play",
    "QuotaBucket",
    "QuotaSlot",
    "RunState",
    "SavedEpisode",
    "SavedShow",
    "Show",
    "SpotifyConnection",
    "SyncRun",
    "SyncSchedule",
    "Trigger",
]


class ConnectionState(StrEnum):
    """Whether Spotify lets us read for this user."""

    ACTIVE = "active"
    RECONNECT_NEEDED = "reconnect_needed"


class Trigger(StrEnum):
    """Why a run was started."""

    FIRST = "first"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class RunState(StrEnum):
    """Where a run stands; at most one run of a user is not `ended`."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a run ended; every one keeps what was stored."""

    COMPLETE = "complete"
    MORE_TO_DO = "more_to_do"
    CALL_CAP_REACHED = "call_cap_reached"
    QUOTA_PARKED = "quota_parked"
    SPOTIFY_BUSY = "spotify_busy"
    BREAKER_OPEN = "breaker_open"
    UNREACHABLE = "unreachable"
    RECONNECT_NEEDED = "reconnect_needed"
    CONSENT_EXPIRED = "consent_expired"
    NOT_ALLOWED = "not_allowed"
    PREMIUM_LAPSED = "premium_lapsed"
    KEY_MISSING = "key_missing"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


class SpotifyConnection(Base):
    """A user's grant to read their Spotify library, with its sealed tokens.

    `account_key` is the hash of Spotify's immutable account id; unique, so one
    Spotify account belongs to one user. `lease_until` and `fence` let one
    process at a time refresh the token (no transaction spans the network).
    """

    __tablename__ = "spotify_connection"
    __table_args__ = ({"info": {"scheduler": True}},)

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    spotify_id: Mapped[str] = mapped_column(Text)
    account_key: Mapped[str] = mapped_column(Text, unique=True)
    display_name: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=ConnectionState.ACTIVE)
    reason: Mapped[str | None] = mapped_column(Text)
    lapsed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    scope: Mapped[str] = mapped_column(Text)
    access_sealed: Mapped[str] = mapped_column(Text)
    refresh_sealed: Mapped[str] = mapped_column(Text)
    key_version: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    connected_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consented_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consent_notice_days: Mapped[int | None]

    schedule: Mapped["SyncSchedule | None"] = relationship(
        lazy="joined",
        primaryjoin="foreign(SyncSchedule.user_id) == SpotifyConnection.user_id",
        viewonly=True,
        uselist=False,
    )

    def needs_sync(self) -> bool:
        """Tell whether a sync of this user is due now.

        False while the user paused it, the grant must be renewed, or the
        developer account's quota is parked. Loads nothing.
        """
        session = object_session(self)
        schedule = self.schedule
        if session is None or schedule is None or self.state != ConnectionState.ACTIVE:
            return False
        return schedule.is_due(session.info["clock"].now())


class OAuthState(Base):
    """A sign-in at Spotify under way: who asked, from which session, with which verifier."""

    __tablename__ = "oauth_state"
    __table_args__ = ({"info": {"key": "state_hash", "scheduler": True}},)

    state_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[int | None] = mapped_column(
        ForeignKey("user_session.id", ondelete="CASCADE")
    )
    verifier_sealed: Mapped[str] = mapped_column(Text)
    redirect_uri: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SyncSchedule(Base):
    """When a user is due, and who is at it: the only schedule of record.

    A claim sets `lease_until` and raises `fence`; every write of the run demands
    the same fence. `requested` is a manual trigger and goes before `paused`.
    `listing_*` is the listing of the library under way, over several runs if it has
    to be: since when, the next offset, and the length by all its pages (None: they
    differed).
    """

    __tablename__ = "sync_schedule"
    __table_args__ = (
        Index(
            "ix_sync_schedule_due",
            "next_sync_at",
            postgresql_where=text("active"),
            sqlite_where=text("active"),
        ),
        {"info": {"scheduler": True}},
    )

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account: Mapped[str] = mapped_column(Text)
    next_sync_at: Mapped[datetime] = mapped_column(UtcDateTime)
    interval_hours: Mapped[int | None]
    paused: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    requested: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    last_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_ok_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    listing_began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    listing_offset: Mapped[int | None]
    listing_total: Mapped[int | None]

    quotas: Mapped[list["QuotaBucket"]] = relationship(
        lazy="selectin",
        primaryjoin="foreign(QuotaBucket.account) == SyncSchedule.account",
        viewonly=True,
    )

    def is_due(self, now: datetime) -> bool:
        """Tell whether a run may start at `now` (aware UTC)."""
        wanted = self.requested or not self.paused
        parked = any(quota.parked_until > now for quota in self.quotas)
        return self.active and wanted and self.next_sync_at <= now and not parked


class SyncRun(Base):
    """One run of a user's sync, with its progress while it lasts and its report after.

    `phase` names what it is doing; counts are rows stored by this run; `calls`
    were sent to the Web API, `cost_micro` what they cost in micro-dollars.
    """

    __tablename__ = "sync_run"
    __table_args__ = (
        Index("ix_sync_run_user_id_started_at", "user_id", "created_at"),
        Index(
            "uq_sync_run_one_open",
            "user_id",
            unique=True,
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    trigger: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    phase: Mapped[str] = mapped_column(Text, default="waiting")
    outcome: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_sync_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    max_calls: Mapped[int]
    calls: Mapped[int] = mapped_column(default=0)
    cost_micro: Mapped[int] = mapped_column(BigInteger, default=0)
    shows_total: Mapped[int] = mapped_column(default=0)
    shows_done: Mapped[int] = mapped_column(default=0)
    episodes_stored: Mapped[int] = mapped_column(default=0)
    episodes_new: Mapped[int] = mapped_column(default=0)
    plays_changed: Mapped[int] = mapped_column(default=0)
    quarantined: Mapped[int] = mapped_column(default=0)
    newest_pending: Mapped[int] = mapped_column(default=0)
    backfill_pending: Mapped[int] = mapped_column(default=0)


class QuotaBucket(Base):
    """The rolling 24 h allowance of one developer account and kind of call; shared by all."""

    __tablename__ = "quota_bucket"

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    bucket: Mapped[str] = mapped_column(Text, primary_key=True)
    ceiling: Mapped[int]
    parked_until: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)


class QuotaSlot(Base):
    """Calls made in one five-minute slot (`slot` is epoch seconds, a multiple of 300)."""

    __tablename__ = "quota_slot"

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    bucket: Mapped[str] = mapped_column(Text, primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    used: Mapped[int]

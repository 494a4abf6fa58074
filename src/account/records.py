"""What an export holds beside the history: one kind of record a file, field by field."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True):
    """One line of a file. Instants are UTC, `_ms` milliseconds, `_micro` micro-dollars."""


class Profile(Record, frozen=True):
    """Who the account belongs to."""

    name: str
    role: str
    email: str | None
    time_zone: str
    created_at: datetime


class Connection(Record, frozen=True):
    """The grant to read at Spotify, without its tokens."""

    spotify_id: str
    display_name: str | None
    state: str
    reason: str | None
    lapsed_at: datetime | None
    scope: str
    connected_at: datetime
    consented_at: datetime
    consent_notice_days: int | None


class Schedule(Record, frozen=True):
    """When syncs run; `interval_hours` is the user's own, None the usual one."""

    interval_hours: int | None
    paused: bool
    active: bool
    next_sync_at: datetime
    last_started_at: datetime | None
    last_ok_at: datetime | None


class SignIn(Record, frozen=True):
    """A sign-in at Spotify that was under way."""

    redirect_uri: str
    created_at: datetime
    expires_at: datetime


class CatalogueShow(Record, frozen=True):
    """Public facts about a show that the library or a resume point leads to."""

    id: str
    name: str
    publisher: str | None
    description: str
    languages: str
    media_type: str | None
    explicit: bool
    image_url: str | None
    total_episodes: int | None
    fetched_at: datetime


class CatalogueEpisode(Record, frozen=True):
    """Public facts about an episode that was saved or has a resume point."""

    id: str
    show_id: str
    name: str
    description: str
    duration_ms: int | None
    release_date: str
    release_precision: str
    explicit: bool
    playable: bool
    languages: str
    image_url: str | None
    first_seen_at: datetime
    fetched_at: datetime
    removed_at: datetime | None


class SavedShow(Record, frozen=True):
    """A show in the library; `show` is its name, for readers."""

    show_id: str
    show: str
    added_at: datetime
    removed_at: datetime | None
    heard_at: datetime | None


class SavedEpisode(Record, frozen=True):
    """An episode saved on its own; `episode` is its name, for readers."""

    episode_id: str
    episode: str
    added_at: datetime
    removed_at: datetime | None


class ResumePoint(Record, frozen=True):
    """How far an episode was heard, as Spotify last said it."""

    episode_id: str
    show_id: str
    episode: str
    fully_played: bool
    position_ms: int
    seen_at: datetime
    changed_at: datetime


class SyncReport(Record, frozen=True):
    """One run of a sync, and what came of it."""

    id: UUID
    trigger: str
    state: str
    phase: str
    outcome: str | None
    message: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    next_sync_at: datetime | None
    max_calls: int
    calls: int
    cost_micro: int
    shows_total: int
    shows_done: int
    episodes_stored: int
    episodes_new: int
    plays_changed: int
    quarantined: int
    newest_pending: int
    backfill_pending: int


class Cost(Record, frozen=True):
    """One entry of the ledger; `corrects` is the `attempt` of the entry that it corrects."""

    attempt: UUID
    reservation_id: UUID | None
    n: int | None
    run_id: UUID | None
    kind: str
    day: date
    service: str
    operation: str
    quantity: int
    amount_micro: int
    outcome: str
    status: int | None
    corrects: UUID | None
    reason: str | None
    at: datetime


class Audit(Record, frozen=True):
    """Something that was done to the account."""

    at: datetime
    action: str
    detail: str


class BrowserSession(Record, frozen=True):
    """A browser that is signed in, without its secret."""

    created_at: datetime
    last_seen_at: datetime
    proved_at: datetime
    expires_at: datetime
    user_agent: str


class Token(Record, frozen=True):
    """A bearer token without its secret; `prefix` are its first eight characters."""

    name: str
    prefix: str
    scopes: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class Subject(NamedTuple):
    """One kind of record and its two files, `<name>.jsonl` and `<name>.csv`.

    Attributes:
        name: Of the files.
        kind: Of the records.
        about: What is in them, for people.
        is_restored: Whether a restore reads it back; otherwise it is for reading only.
    """

    name: str
    kind: type[Record]
    about: str
    is_restored: bool = False


SUBJECTS = (
    Subject(
        "profile", Profile, "name, e-mail address and time zone (the last two come back)", True
    ),
    Subject("catalogue_shows", CatalogueShow, "public facts about the shows named below", True),
    Subject("catalogue_episodes", CatalogueEpisode, "the same about the episodes", True),
    Subject("saved_shows", SavedShow, "the shows in your library", True),
    Subject("saved_episodes", SavedEpisode, "episodes you saved on their own", True),
    Subject("resume_points", ResumePoint, "how far you are in each episode", True),
    Subject("sync_runs", SyncReport, "every sync, and what came of it", True),
    Subject("costs", Cost, "every call that was made for you, and its price", True),
    Subject("connection", Connection, "your connection to Spotify, without its tokens"),
    Subject("schedule", Schedule, "when syncs run"),
    Subject("sign_ins", SignIn, "sign-ins at Spotify that were under way"),
    Subject("sessions", BrowserSession, "browsers signed in, without their secrets"),
    Subject("tokens", Token, "bearer tokens, without their secrets"),
    Subject("audit", Audit, "what was done to your account, and when"),
)
"""In the order in which they can be read back."""

"""History tables: runs and their files, observations and who supports them, derived events.

All instants are whole seconds since 1970 in UTC (`*_s`), so that one text of a statistic
runs on both databases. The tables that get a row for each listen have no foreign keys,
which would cost more than the rows: nothing writes them but this room, and whoever erases
a user deletes from every tenant table by `user_id`, which is first in every key.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from src.database import Base, BigId

_OPEN = text("state in ('queued', 'running', 'undoing')")
_WINDOWS = text("certainty = 'window'")


class RunKind(StrEnum):
    """What brought observations."""

    IMPORT = "import"
    SYNC = "sync"
    POLL = "poll"
    GPODDER = "gpodder"


class RunState(StrEnum):
    """Where a run stands. `queued`, `running` and `undoing` are work for the background."""

    UPLOADING = "uploading"
    """Its files are still on their way."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Nothing of it could be used; `message` says why."""
    UNDOING = "undoing"
    UNDONE = "undone"


class FileState(StrEnum):
    """Where a file of a run stands."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    READING = "reading"
    DONE = "done"
    REFUSED = "refused"
    """Nothing in it could be used."""


class _Owned:
    """The owner, in small tables: they go with the user."""

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


class HistoryRun(_Owned, Base):
    """One run that brought observations, and the job of record of an import.

    A claim sets `lease_until_s` and raises `fence`; every write of its work demands the
    same fence. `counts` is the report as JSON; `progress_bytes` of `total_bytes` tell how
    far it is; `span_from_s` to `span_to_s` is the time of all its rows, music included.
    """

    __tablename__ = "history_run"
    __table_args__ = (
        Index("ix_history_run_user_id_created_s", "user_id", "created_s"),
        Index(
            "uq_history_run_one_open",
            "user_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_history_run_due", "lease_until_s", sqlite_where=_OPEN, postgresql_where=_OPEN),
        {"info": {"scheduler": True}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    format: Mapped[str | None] = mapped_column(Text)
    counts: Mapped[str] = mapped_column(Text, default="{}")
    message: Mapped[str | None] = mapped_column(Text)
    created_s: Mapped[int] = mapped_column(BigInteger)
    began_s: Mapped[int | None] = mapped_column(BigInteger)
    ended_s: Mapped[int | None] = mapped_column(BigInteger)
    undone_s: Mapped[int | None] = mapped_column(BigInteger)
    span_from_s: Mapped[int | None] = mapped_column(BigInteger)
    span_to_s: Mapped[int | None] = mapped_column(BigInteger)
    lease_until_s: Mapped[int] = mapped_column(BigInteger, default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    progress_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class HistoryFile(_Owned, Base):
    """One file given to a run, and how far it is dealt with.

    `path` is where it lies below the data folder, None once it is deleted. `received_bytes`
    of `size_bytes` are there. `member` and `offset_bytes` say what is committed: all members
    of a zip before `member`, and of that one the text up to the offset. `counts` is the
    report of the members so far, as JSON.
    """

    __tablename__ = "history_file"

    run_id: Mapped[UUID] = mapped_column(
        ForeignKey("history_run.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(Text)
    path: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    member: Mapped[int] = mapped_column(default=0)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    counts: Mapped[str] = mapped_column(Text, default="{}")


class HistoryShow(_Owned, Base):
    """A show by its name, as titles are compared; `show_id` is Spotify's, where known."""

    __tablename__ = "history_show"
    __table_args__ = (UniqueConstraint("user_id", "name_norm"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name_norm: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    show_id: Mapped[str | None] = mapped_column(Text)


class HistoryEpisode(_Owned, Base):
    """An episode in the words of a source: by Spotify's id, or by the names of show and episode.

    `identity` is `spotify:<id>` or `title:<hash>`; see `src.history.titles`. A title that
    stands for an episode is `linked_to` it, and has no events of its own. `published_day`
    counts days since 1970; it and the duration are known of episodes in the catalogue.
    """

    __tablename__ = "history_episode"
    __table_args__ = (
        UniqueConstraint("user_id", "identity"),
        Index("ix_history_episode_user_id_show_ref", "user_id", "show_ref"),
        Index(
            "ix_history_episode_linked_to",
            "user_id",
            "linked_to",
            sqlite_where=text("linked_to is not null"),
            postgresql_where=text("linked_to is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identity: Mapped[str] = mapped_column(Text)
    episode_id: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    show_ref: Mapped[int | None] = mapped_column(BigInteger)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    published_day: Mapped[int | None]
    linked_to: Mapped[int | None] = mapped_column(BigInteger)
    link_reason: Mapped[str | None] = mapped_column(Text)


class HistoryName(Base):
    """What a run calls an episode that it knows by id; `title` is the identity of those names.

    Kept for each run, so that an undone one takes its names along.
    """

    __tablename__ = "history_name"
    __table_args__ = (
        Index("ix_history_name_user_id_title", "user_id", "title"),
        Index("ix_history_name_user_id_episode_ref", "user_id", "episode_ref"),
    )

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_ref: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    show_ref: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    named_s: Mapped[int] = mapped_column(BigInteger)


class ObservationRow(Base):
    """What a source once said; see `src.history.observations`. `apart_s`: a window's start."""

    __tablename__ = "observation"
    __table_args__ = (
        UniqueConstraint(
            "user_id",
            "episode_ref",
            "source",
            "ended_s",
            "ms",
            "n",
            "apart_s",
            name="uq_observation",
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    episode_ref: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text)
    ended_s: Mapped[int] = mapped_column(BigInteger)
    began_s: Mapped[int] = mapped_column(BigInteger)
    ms: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(default=0)
    position_ms: Mapped[int | None] = mapped_column(BigInteger)
    flags: Mapped[int] = mapped_column(default=0)
    apart_s: Mapped[int] = mapped_column(BigInteger, default=0)


class ObservationSupport(Base):
    """That a run brought an observation: it goes when no run is left that did."""

    __tablename__ = "observation_support"
    __table_args__ = (
        Index("ix_observation_support_observation_id", "observation_id"),
        {"sqlite_with_rowid": False},
    )

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    observation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ListeningEvent(Base):
    """One stream of one episode, derived: see `src.history.merge.event.Event`.

    `episode_ref` is never a linked title. `id` is the key of the primary observation,
    `observation_id` its row. On PostgreSQL the primary key's index has the columns that
    statistics read. Windows, which alone may be long, have an index of their own.
    """

    __tablename__ = "listening_event"
    __table_args__ = (
        Index("uq_listening_event_user_id_id", "user_id", "id", unique=True),
        Index("ix_listening_event_user_id_episode_ref", "user_id", "episode_ref"),
        Index(
            "ix_listening_event_windows",
            "user_id",
            "ended_s",
            "began_s",
            "certainty",
            sqlite_where=_WINDOWS,
            postgresql_where=_WINDOWS,
        ),
        {"sqlite_with_rowid": False},
    )

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    ended_s: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    began_s: Mapped[int] = mapped_column(BigInteger)
    earliest_s: Mapped[int] = mapped_column(BigInteger)
    latest_s: Mapped[int] = mapped_column(BigInteger)
    ms: Mapped[int] = mapped_column(BigInteger)
    certainty: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    doubtful: Mapped[bool]
    at_least: Mapped[bool]
    clamped: Mapped[bool]
    hidden: Mapped[bool]
    episode_ref: Mapped[int] = mapped_column(BigInteger)
    show_ref: Mapped[int | None] = mapped_column(BigInteger)
    observation_id: Mapped[int] = mapped_column(BigInteger)


class EventSource(Base):
    """An observation that an event has beside its primary one, and what it is to the event."""

    __tablename__ = "event_source"
    __table_args__ = (
        Index("ix_event_source_user_id_episode_ref", "user_id", "episode_ref"),
        {"sqlite_with_rowid": False},
    )

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    observation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(Text)
    episode_ref: Mapped[int] = mapped_column(BigInteger)


class HistoryEdit(_Owned, Base):
    """A user's word on observations, by key; `identity` is of the episode it was said of."""

    __tablename__ = "history_edit"
    __table_args__ = (Index("ix_history_edit_user_id_created_s", "user_id", "created_s"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    key_a: Mapped[UUID]
    key_b: Mapped[UUID | None]
    identity: Mapped[str] = mapped_column(Text)
    created_s: Mapped[int] = mapped_column(BigInteger)
    revoked_s: Mapped[int | None] = mapped_column(BigInteger)


class CoverageSpan(_Owned, Base):
    """A time of which a run tells something, `from_s` up to and without `to_s`.

    `class` is a `src.history.coverage.Known`; a sync that `asked` for more shows than it
    `known` read covers a share; `cause` says why nothing is known, where that is so.
    """

    __tablename__ = "coverage_span"
    __table_args__ = (Index("ix_coverage_span_user_id_run_id", "user_id", "run_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("history_run.id", ondelete="CASCADE"))
    from_s: Mapped[int] = mapped_column(BigInteger)
    to_s: Mapped[int] = mapped_column(BigInteger)
    class_: Mapped[str] = mapped_column("class", Text)
    asked: Mapped[int | None]
    known: Mapped[int | None]
    cause: Mapped[str | None] = mapped_column(Text)


class Coverage(Base):
    """What is known of which time, swept from all spans; spans side by side, `none` left out."""

    __tablename__ = "coverage"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    from_s: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    to_s: Mapped[int] = mapped_column(BigInteger)
    class_: Mapped[str] = mapped_column("class", Text)


class Touched(Base):
    """Episodes whose events are to be derived again for a run; emptied as they are."""

    __tablename__ = "touched"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_ref: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class HistoryState(Base):
    """One row a user: `version` rises with every change of events or coverage."""

    __tablename__ = "history_state"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(BigInteger, default=0)

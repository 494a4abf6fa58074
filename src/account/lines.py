"""The lines of `history.jsonl`, in the order in which they come.

Ids are keys that mean the same in every Playhead, never numbers of rows. Instants are
whole seconds since 1970 in UTC (`_s`), `_ms` milliseconds.
"""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from msgspec import Raw, Struct

SCHEMA = 1
"""Of the file; raised when a reader of this version could not read it any more."""


class Line(Struct, frozen=True, kw_only=True, tag_field="type"):
    """One line; `type` says of which kind."""


class Header(Line, tag="header", frozen=True):
    """First: which rules the events were derived by, and when all this was written down."""

    schema: int
    rules_version: int
    user_zone: str
    exported_at: datetime


class File(Struct, frozen=True, kw_only=True):
    """A file that was imported; `counts` is the report on its rows."""

    name: str
    size_bytes: int
    sha256: str | None
    state: str
    counts: Raw


class Run(Line, tag="run", frozen=True):
    """What brought observations, an import or a sync; `from_s` to `to_s` is what it tells of."""

    id: UUID
    kind: str
    state: str
    name: str
    format: str | None
    counts: Raw
    message: str | None
    created_s: int
    began_s: int | None
    ended_s: int | None
    undone_s: int | None
    from_s: int | None
    to_s: int | None
    total_bytes: int
    progress_bytes: int
    files: tuple[File, ...]


class Show(Line, tag="show", frozen=True):
    """A show by its name; `key` is the name as names are compared."""

    key: str
    name: str
    show_id: str | None


class Title(Line, tag="title", frozen=True):
    """An episode known by the names of show and episode only, and what it is taken for."""

    key: str
    name: str
    show: str | None
    linked_to: str | None
    link_reason: str | None


class Episode(Line, tag="episode", frozen=True):
    """An episode known by Spotify's id. `published_day` counts days since 1970."""

    key: str
    id: str
    uri: str
    name: str
    show: str | None
    duration_ms: int | None
    published_day: int | None


class Name(Line, tag="name", frozen=True):
    """What a run calls an episode."""

    run: UUID
    episode: str
    show: str | None
    name: str
    title: str | None
    named_s: int


class Observed(Line, tag="observation", frozen=True):
    """What a source once said; `runs` are those that brought it."""

    key: UUID
    episode: str
    source: str
    ended_s: int
    began_s: int
    ms: int
    n: int
    position_ms: int | None
    flags: int
    runs: tuple[UUID, ...]


class Correction(Line, tag="edit", frozen=True):
    """The user's word on observations, by their keys."""

    id: UUID
    kind: str
    key_a: UUID
    key_b: UUID | None
    episode: str
    created_s: int
    revoked_s: int | None


class Covered(Line, tag="span", frozen=True, rename={"class_": "class"}):
    """A time of which a run tells something; `class` says how well it is known."""

    run: UUID
    from_s: int
    to_s: int
    class_: str
    asked: int | None
    known: int | None
    cause: str | None


class Origin(Struct, frozen=True, kw_only=True, order=True):
    """A further observation that an event has, and what it is to the event."""

    key: UUID
    role: str


class Play(Line, tag="event", frozen=True):
    """One listen, derived from the lines above; `id` is the key of its first observation."""

    id: UUID
    episode: str
    show: str | None
    name: str
    began_s: int
    ended_s: int
    earliest_s: int
    latest_s: int
    ms: int
    certainty: str
    rule: str
    doubtful: bool
    at_least: bool
    clamped: bool
    hidden: bool
    sources: tuple[Origin, ...]


class Footer(Line, tag="footer", frozen=True):
    """Last: how many lines of each type came, and the sum of all events.

    `settled` is false if an import was under way, so that some observations have no
    events yet.
    """

    counts: dict[str, int]
    ms: int
    settled: bool


AnyLine: TypeAlias = (
    Header | Run | Show | Title | Episode | Name | Observed | Correction | Covered | Play | Footer
)
"""What a line can be."""

"""What the simulated world says of itself: plain, frozen facts.

Every instant is an aware UTC `datetime`, every length is in milliseconds, and
shows, listeners and episodes are named by small integers. The identifiers a
client sees are strings of 22 base-62 characters, carried beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

MediaType = Literal["audio", "video", "mixed"]
DatePrecision = Literal["day", "month", "year"]


class Rhythm(StrEnum):
    """How often a show publishes."""

    DAILY = "daily"
    SEVERAL_WEEKLY = "several_weekly"
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"
    SEASONAL = "seasonal"
    DEAD = "dead"


class Kind(StrEnum):
    """When and how much a listener listens."""

    COMMUTER = "commuter"
    WORKER = "worker"
    BEDTIME = "bedtime"
    WEEKEND = "weekend"
    GYM = "gym"
    SPREAD = "spread"
    HEAVY = "heavy"
    LIGHT = "light"


class Reason(StrEnum):
    """Why a play ended."""

    FINISHED = "finished"
    PAUSED = "paused"
    STOPPED = "stopped"
    SKIPPED = "skipped"


class UnknownThing(LookupError):
    """No such show, episode or listener in this world."""


@dataclass(frozen=True, slots=True)
class ShowFacts:
    """One show as its publisher describes it.

    Attributes:
        index: Position in the catalogue, from 0.
        id: The 22 characters a client sees.
        name: Invented title, unique in the world.
        publisher: Invented maker.
        description: Plain text, may be empty.
        html_description: The same as HTML, empty when `description` is.
        language: Two letters, such as `en`.
        explicit: True when the publisher says so.
        media_type: `audio`, `video` or `mixed`.
        oldest_first: True when its episodes are listed from number 0 upwards.
        rhythm: How often it publishes.
        started_at: When episode 0 came out, give or take its jitter.
    """

    index: int
    id: str
    name: str
    publisher: str
    description: str
    html_description: str
    language: str
    explicit: bool
    media_type: MediaType
    oldest_first: bool
    rhythm: Rhythm
    started_at: datetime


@dataclass(frozen=True, slots=True)
class EpisodeFacts:
    """One episode as its publisher describes it.

    Attributes:
        show: Index of its show.
        number: Place in order of publication, 0 is the oldest.
        id: The 22 characters a client sees.
        name: Invented title.
        description: Plain text, may be empty.
        html_description: The same as HTML, empty when `description` is.
        duration_ms: Length, a whole number of milliseconds above 0.
        published_at: When it appeared.
        release_date: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, by the precision.
        release_date_precision: How much of the date is told.
        explicit: True when the publisher says so.
        language: Two letters, such as `en`.
    """

    show: int
    number: int
    id: str
    name: str
    description: str
    html_description: str
    duration_ms: int
    published_at: datetime
    release_date: str
    release_date_precision: DatePrecision
    explicit: bool
    language: str


@dataclass(frozen=True, slots=True)
class ListenerFacts:
    """One listener.

    Attributes:
        index: Position in the world, from 0.
        id: User identifier a client sees.
        account_id: Immutable account identifier a client sees.
        display_name: Invented name.
        kind: When and how much this person listens.
        saver: True for someone who saves many single episodes.
    """

    index: int
    id: str
    account_id: str
    display_name: str
    kind: Kind
    saver: bool


@dataclass(frozen=True, slots=True)
class SavedShow:
    """A show in a listener's library, and when it was (last) saved."""

    show: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class SavedEpisode:
    """A saved episode; a tombstone stands for one that no longer exists."""

    show: int
    number: int
    added_at: datetime
    tombstone: bool


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where an episode would go on, as the service tells it.

    Attributes:
        fully_played: True after a play reached the end.
        position_ms: A whole number of seconds, in milliseconds.
    """

    fully_played: bool
    position_ms: int


@dataclass(frozen=True, slots=True)
class Playing:
    """What a listener's player shows at one instant.

    Attributes:
        show: Index of the show.
        number: Episode within the show.
        progress_ms: Place in the episode (in the advert, when `ad`).
        is_playing: False while paused.
        started_at: When this stretch (or this advert) began.
        device_name: What it plays on.
        ad: True while an advert runs before the episode.
    """

    show: int
    number: int
    progress_ms: int
    is_playing: bool
    started_at: datetime
    device_name: str
    ad: bool


@dataclass(frozen=True, slots=True)
class Play:
    """One uninterrupted stretch of listening: the truth.

    Attributes:
        listener: Who heard it.
        show: Index of the show.
        number: Episode within the show.
        started_at: First moment heard.
        ended_at: Last moment heard; `heard_ms` after `started_at`.
        from_ms: Place in the episode at the start.
        to_ms: Place at the end; not `from_ms + heard_ms` after a seek.
        heard_ms: Time spent listening.
        finished: True when the end of the episode was reached.
        reason: Why it ended.
        offline_seen_at: When the service learnt of a play made without a
            connection; None for a play made online.
    """

    listener: int
    show: int
    number: int
    started_at: datetime
    ended_at: datetime
    from_ms: int
    to_ms: int
    heard_ms: int
    finished: bool
    reason: Reason
    offline_seen_at: datetime | None

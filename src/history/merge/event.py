"""What the merge gives back: events, where they come from and how sure they are."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Certainty(StrEnum):
    """How well the time of an event is known."""

    EXACT = "exact"
    """To the second."""
    MINUTE = "minute"
    """It ended within a minute, by an account export."""
    WINDOW = "window"
    """Somewhere between two reads of a resume point."""


class Rule(StrEnum):
    """Which rule made an event what it is: what its first further source was found by."""

    EXTENDED = "extended"
    """A row of the extended export that nothing else tells of."""
    EQUAL_MS = "equal_ms"
    NEAR_MS = "near_ms"
    LOOSE_MS = "loose_ms"
    """An account row of about the same end has the same ms; within 1 s; within 5 s."""
    SUM = "sum"
    """The two exports cut the listening differently."""
    DRIFT = "drift"
    """The same ms, by a clock that was minutes off."""
    OVERLAP = "overlap"
    """Another source tells of the same episode at the same time."""
    ACCOUNT = "account"
    """A row of the account export that nothing else tells of."""
    GPODDER = "gpodder"
    """Reported by another podcast app."""
    WINDOW = "window"
    """What no other event explains of a resume point's way."""
    JOIN = "join"
    """The user says that the sources are one."""


class Role(StrEnum):
    """What an observation is to an event."""

    PRIMARY = "primary"
    """The event has its id, time and ms."""
    EXPLAINS = "explains"
    """Tells of the same listening in other words."""
    DUPLICATE = "duplicate"
    """Tells of the same listening once more, in the same words."""


Told = tuple[UUID, Role]
"""Key of an observation, and what it is to the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One stream of one episode: listening as a row of an export has it.

    Attributes:
        id: Key of the primary observation, so that it survives every re-merge.
        began_s: Start, UTC epoch seconds, pauses included; as good as `certainty` says.
        ended_s: End, UTC epoch seconds; account rows: the middle of their minute.
        earliest_s: Nothing of what is uncertain lies before: `ended_s` of an exact
            event, the first second of an account row's minute, the start of a window.
        latest_s: As `earliest_s`, nothing of what is uncertain lies after.
        ms: Milliseconds heard, at most the time from start to end plus 5 s.
        certainty: How well the time is known.
        rule: Which rule made it.
        sources: The primary first, then the others in order of key; no key twice.
        doubtful: Perhaps counted twice: the other export has a lone row of the same ms
            within a day, too far off to be paired. The user can join them.
        at_least: More was heard than `ms`: the episode was begun anew in the window.
        clamped: A source states more ms than the time allows.
        hidden: The user does not want to see or count it.
    """

    id: UUID
    began_s: int
    ended_s: int
    earliest_s: int
    latest_s: int
    ms: int
    certainty: Certainty
    rule: Rule
    sources: tuple[Told, ...]
    doubtful: bool = False
    at_least: bool = False
    clamped: bool = False
    hidden: bool = False


class EditKind(StrEnum):
    """What a user says of the merge's result."""

    SPLIT = "split"
    """The two observations are not one listening."""
    JOIN = "join"
    """The two observations are one listening; the better source has the say."""
    HIDE = "hide"
    """The event that tells of the observation is neither shown nor counted."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A user's word on observations, by key; it sleeps while they are away.

    Attributes:
        kind: What is said. Where a split and a join disagree, the split holds.
        key_a: Key of an observation.
        key_b: Key of the other; None for `hide`.
    """

    kind: EditKind
    key_a: UUID
    key_b: UUID | None = None

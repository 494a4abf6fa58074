"""Sittings: what a person would call having listened once, made of one episode's events."""

from collections.abc import Iterable
from dataclasses import dataclass

from src.history.merge.event import Event

GAP_S = 30 * 60
"""Longest pause inside a sitting, in seconds. A convention: real pauses run from seconds
to days without a natural break."""

PLAY_MS = 30_000
"""Least milliseconds heard of a sitting that counts as a play."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """Events of one episode that follow each other closely.

    Attributes:
        began_s: Start of the first, UTC epoch seconds.
        ended_s: Latest end, UTC epoch seconds.
        ms: Milliseconds heard in all of them.
        events: At least one, in order of start.
    """

    began_s: int
    ended_s: int
    ms: int
    events: tuple[Event, ...]

    @property
    def is_play(self) -> bool:
        """Whether enough was heard to count as a play of the episode."""
        return self.ms >= PLAY_MS


def sittings_of(events: Iterable[Event]) -> list[Sitting]:
    """Return the sittings of one episode, in order of start; hidden events are left out.

    Args:
        events: Of one user and one episode, in any order.
    """
    shown = [event for event in events if not event.hidden]
    shown.sort(key=lambda event: (event.began_s, event.ended_s, event.id))
    found: list[Sitting] = []
    together: list[Event] = []
    ended_s = 0
    for event in shown:
        if together and event.began_s - ended_s > GAP_S:
            found.append(_sitting(together, ended_s))
            together = []
        ended_s = max(ended_s, event.ended_s) if together else event.ended_s
        together.append(event)
    if together:
        found.append(_sitting(together, ended_s))
    return found


def _sitting(events: list[Event], ended_s: int) -> Sitting:
    heard_ms = sum(event.ms for event in events)
    return Sitting(events[0].began_s, ended_s, heard_ms, tuple(events))

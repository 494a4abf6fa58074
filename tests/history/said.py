"""Observations and events as the tests of this folder write them down."""

from datetime import UTC, datetime, timedelta

from src.history.merge.event import Event
from src.history.observations import Flag, Observation, Source

DAY = datetime(2024, 3, 10, tzinfo=UTC)
EPISODE = "spotify:4rOoJ6Egrf8K2IrywzwOMk"


def at(clock: str) -> int:
    """Return UTC epoch seconds of "HH:MM" or "HH:MM:SS" on 2024-03-10."""
    hours, minutes, *seconds = map(int, clock.split(":"))
    instant = DAY + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))
    return int(instant.timestamp())


def ext(end: str, ms: int, *, start: str | None = None, n: int = 0) -> Observation:
    """A row of the extended export."""
    ended_s = at(end)
    began_s = at(start) if start else ended_s - ms // 1000
    return Observation(
        source=Source.EXTENDED, episode=EPISODE, ended_s=ended_s, began_s=began_s, ms=ms, n=n
    )


def acc(minute: str, ms: int, *, n: int = 0, episode: str = EPISODE) -> Observation:
    """A row of the account export."""
    ended_s = at(minute)
    return Observation(
        source=Source.ACCOUNT,
        episode=episode,
        ended_s=ended_s,
        began_s=ended_s - ms // 1000,
        ms=ms,
        n=n,
    )


def win(start: str, end: str, ms: int, *, flags: Flag = Flag.NONE) -> Observation:
    """A resume point that moved by `ms` between two reads."""
    return Observation(
        source=Source.WINDOW,
        episode=EPISODE,
        ended_s=at(end),
        began_s=at(start),
        ms=ms,
        flags=flags,
    )


def poll(clock: str) -> Observation:
    """A look that saw the player playing."""
    return Observation(
        source=Source.POLL, episode=EPISODE, ended_s=at(clock), began_s=at(clock), ms=0
    )


def play(start: str, end: str, ms: int, *, flags: Flag = Flag.MAPPED) -> Observation:
    """A play reported by another app, of an episode that the user mapped."""
    return Observation(
        source=Source.GPODDER,
        episode=EPISODE,
        ended_s=at(end),
        began_s=at(start),
        ms=ms,
        flags=flags,
    )


def total_ms(events: list[Event]) -> int:
    """Return milliseconds of all events."""
    return sum(event.ms for event in events)


def brief(events: list[Event]) -> list[tuple[str, int, str]]:
    """Return certainty, ms and rule of each event."""
    return [(event.certainty, event.ms, event.rule) for event in events]

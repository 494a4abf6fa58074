"""What a listener streamed, as the service counts it: plays, and taps beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from simulator.archives.defects import Cause, Chances, Defects, Draw
from simulator.archives.rows import Title
from simulator.world.instants import MINUTE_MS, to_ms
from simulator.world.types import Play, Reason

if TYPE_CHECKING:
    from simulator.world.still import StillWorld

_BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
_TAP_MS = 1_200
_GAP_MS = 100
_BEFORE_MS = 500


class Stream(NamedTuple):
    """One stretch of listening: the truth an export is written from.

    Attributes:
        ordinal: Position among the listener's streams, by their end.
        title: What was heard.
        start_ms: When it began, ms since 1970.
        end_ms: When it ended, ms since 1970.
        ms: Time heard.
        resumed: True when it did not begin at the episode's start.
        reason: Why it ended.
        offline: True for one heard without a connection.
        unreported: True while the service has not heard of it.
        tap: `zero_ms` or `repeated_minute` for a row that no play stands
            behind; None for a play.
    """

    ordinal: int
    title: Title
    start_ms: int
    end_ms: int
    ms: int
    resumed: bool
    reason: Reason
    offline: bool
    unreported: bool
    tap: Cause | None


def streams_of(
    world: StillWorld, listener: int, *, until: datetime, defects: Defects
) -> list[Stream]:
    """Return everything a listener streamed before `until`, in order of the ends.

    Without `zero_ms` and `repeated_minute` these are the plays of the world, one
    to one; each of the two adds taps, which are real streams to the service.

    Args:
        world: Where the listener lives.
        listener: Index of the listener.
        until: Aware instant.
        defects: How many taps to add.
    """
    chances = Chances(world.seed, listener)
    titles: dict[tuple[int, int], Title] = {}
    until_ms = to_ms(until)
    found: list[Stream] = []
    for play in world.plays(listener, _BEGINNING, until):
        where = (play.show, play.number)
        title = titles.get(where)
        if title is None:
            title = titles[where] = _title(world, *where)
        stream = _of_play(play, title, until)
        found.append(stream)
        if chances.hit(Draw.ZERO_MS, stream.start_ms, defects.zero_ms):
            found.append(_zero(stream, chances))
        again = chances.hit(Draw.REPEATED_MINUTE, stream.start_ms, defects.repeated_minute)
        if again:
            tap = _again(stream, again)
            if tap.end_ms < until_ms and tap.end_ms // MINUTE_MS == stream.end_ms // MINUTE_MS:
                found.append(tap)
    found.sort(key=lambda it: it.end_ms)
    return [it._replace(ordinal=ordinal) for ordinal, it in enumerate(found)]


def _title(world: StillWorld, show: int, number: int) -> Title:
    facts = world.episode(show, number)
    return Title(show, number, f"spotify:episode:{facts.id}", world.show(show).name, facts.name)


def _of_play(play: Play, title: Title, until: datetime) -> Stream:
    seen_at = play.offline_seen_at
    return Stream(
        ordinal=0,
        title=title,
        start_ms=to_ms(play.started_at),
        end_ms=to_ms(play.ended_at),
        ms=play.heard_ms,
        resumed=play.from_ms > 0,
        reason=play.reason,
        offline=seen_at is not None,
        unreported=seen_at is not None and seen_at > until,
        tap=None,
    )


def _zero(stream: Stream, chances: Chances) -> Stream:
    """Return a tap of no length up to a second and a half before a stream."""
    before_ms = _BEFORE_MS + chances.bits(Draw.ZERO_MS, stream.end_ms) % 1_000
    at_ms = stream.start_ms - before_ms
    return stream._replace(
        start_ms=at_ms, end_ms=at_ms, ms=0, reason=Reason.SKIPPED, tap=Cause.ZERO_MS
    )


def _again(stream: Stream, bits: int) -> Stream:
    """Return a tap of at most 1,200 ms, right after a stream."""
    ms = (bits >> 1) % (_TAP_MS + 1)
    start_ms = stream.end_ms + _GAP_MS
    return stream._replace(
        start_ms=start_ms,
        end_ms=start_ms + ms,
        ms=ms,
        resumed=True,
        reason=Reason.SKIPPED,
        tap=Cause.REPEATED_MINUTE,
    )

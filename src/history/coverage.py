"""What is known of which time: a pure function of the spans that the runs left behind.

Nothing is added up or taken back, so neither the order of imports nor an undo needs
thought: the spans that are left say it all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from src.history.zones import Unit, periods


class Known(StrEnum):
    """How well the listening of a time is known; best first."""

    EXACT = "exact"
    """An extended export covers it."""
    MINUTE = "minute"
    """An account export covers it."""
    INFERRED = "inferred"
    """It lies between two complete reads of the resume points."""
    NONE = "none"
    """Nobody knows."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time of one class.

    Attributes:
        from_s: First second, UTC epoch.
        to_s: First second after it, UTC epoch.
        known: How well its listening is known.
    """

    from_s: int
    to_s: int
    known: Known


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of a calendar, cut where the period begins and ends.

    Attributes:
        day: The date in the zone.
        from_s: Its first second, UTC epoch.
        to_s: First second after it, UTC epoch; a whole day has 23 to 25 hours.
        seconds: Seconds of each class that occurs; they sum to the day's length.
    """

    day: date
    from_s: int
    to_s: int
    seconds: Mapping[Known, int]


_BEST_FIRST = tuple(Known)
_PLACES = {known: place for place, known in enumerate(_BEST_FIRST)}


def sweep(spans: Iterable[Span], *, from_s: int, to_s: int) -> list[Span]:
    """Return the period as spans side by side, each of the best class that covers it.

    Args:
        spans: Of any runs, in any order; they may overlap and leave the period.
        from_s: First second of the period, UTC epoch.
        to_s: First second after it, UTC epoch.

    Returns:
        Spans without gap or overlap from `from_s` to `to_s`, in order, neighbours of
        different classes: their seconds sum to the period. Empty if the period is.
    """
    ends: list[tuple[int, int, int]] = []
    for span in spans:
        first_s, last_s = max(span.from_s, from_s), min(span.to_s, to_s)
        if first_s < last_s:
            place = _PLACES[span.known]
            ends += ((first_s, 1, place), (last_s, -1, place))
    ends.sort()
    found: list[Span] = []
    open_spans = [0] * len(_BEST_FIRST)
    open_spans[-1] = 1  # that nobody knows is always so
    at_s = from_s
    for end_s, step, place in [*ends, (to_s, 0, 0)]:
        if end_s > at_s:
            best = _BEST_FIRST[next(index for index, count in enumerate(open_spans) if count)]
            if found and found[-1].known is best:
                found[-1] = Span(found[-1].from_s, end_s, best)
            else:
                found.append(Span(at_s, end_s, best))
            at_s = end_s
        open_spans[place] += step
    return found


def seconds_of(swept: Iterable[Span]) -> dict[Known, int]:
    """Return the seconds of each class; all classes are there, those that miss with 0."""
    found = dict.fromkeys(Known, 0)
    for span in swept:
        found[span.known] += span.to_s - span.from_s
    return found


def calendar(swept: Sequence[Span], *, zone: ZoneInfo) -> Iterator[Day]:
    """Yield every local day that the swept period touches, in order.

    A day begins at its first instant in the zone, which need not be 00:00; a date that
    the zone skipped is left out.

    Args:
        swept: What `sweep` returned.
        zone: Whose days.
    """
    if not swept:
        return
    period_from_s, period_to_s = swept[0].from_s, swept[-1].to_s
    index = 0
    for day, from_s, to_s in periods(Unit.DAY, zone, from_s=period_from_s, to_s=period_to_s):
        seconds: dict[Known, int] = {}
        while index < len(swept) and swept[index].from_s < to_s:
            span = swept[index]
            inside_s = min(span.to_s, to_s) - max(span.from_s, from_s)
            seconds[span.known] = seconds.get(span.known, 0) + inside_s
            if span.to_s > to_s:
                break
            index += 1
        yield Day(day, from_s, to_s, seconds)

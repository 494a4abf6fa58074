"""Rules 0, 6 and 8: one cannot hear one episode twice at once."""

from collections.abc import Sequence

from src.history.merge.drafts import Draft, Timeline
from src.history.merge.event import Rule
from src.history.merge.hands import Hands
from src.history.observations import TOLERANCE_S, Flag

_SLACK_S = 5
_EXCESS_MS = 10_000
_LEAST_MS = 30_000  # shorter rows fit anywhere: overlap says nothing of them


def drop_duplicates(ext: Sequence[Draft], hands: Hands) -> list[Draft]:
    """Return the extended rows that are events, having absorbed the others.

    A row inside the wall time of another is its duplicate, or the other is, if the
    time cannot hold the ms of both; the longer stays. A partial overlap is none: it is
    what clocks make of two streams.
    """
    ext = [row for row in ext if not row.taken]
    if len(ext) == 1 or not ext:
        return ext
    timeline = Timeline(ext)
    found: list[tuple[int, int, int, int, Draft, Draft]] = []
    for outer in timeline.drafts:
        from_s, to_s = outer.began_s - _SLACK_S, outer.ended_s + _SLACK_S
        most_ms = (outer.ended_s - outer.began_s) * 1000 + _EXCESS_MS
        for inner in timeline.ended_between(from_s, to_s):
            if (
                inner.ms + outer.ms > most_ms
                and inner.began_s >= from_s
                and inner is not outer
                and not hands.apart(inner, outer)
            ):
                long, short = sorted((inner, outer), key=lambda row: (-row.ms, row.rank))
                off_s = abs(long.ended_s - short.ended_s)
                found.append((-short.ms, short.rank, off_s, long.rank, long, short))
    found.sort(key=lambda one: one[:4])
    for *_, long, short in found:
        if not long.taken and not short.taken and not hands.apart(long, short):
            long.absorb(short)
    return [row for row in ext if not row.taken]


def explain_account_rows(acc: Sequence[Draft], exact: Sequence[Draft], hands: Hands) -> None:
    """Make account rows of 30 s or more sources of the exact events that fill half of them.

    Half of the row, not of the shorter of the two: its end is known to the minute only, so
    that a short event just before or after it would explain a long row away.
    """
    rows = [row for row in acc if row.free and not row.taken and row.ms >= _LEAST_MS]
    _explain(rows, exact, hands, widened_s=0)


def explain_gpodder(plays: Sequence[Draft], events: Sequence[Draft], hands: Hands) -> None:
    """Do the same with plays of another app, give or take 60 s, where the episode is sure."""
    rows = [
        row
        for row in plays
        if not row.taken and row.ms >= _LEAST_MS and row.seen.flags & Flag.MAPPED
    ]
    _explain(rows, events, hands, widened_s=TOLERANCE_S)


def _explain(
    rows: Sequence[Draft], events: Sequence[Draft], hands: Hands, *, widened_s: int
) -> None:
    if not rows or not events:
        return
    timeline = Timeline(events)
    for row in rows:
        from_s, to_s = row.began_s - widened_s, row.ended_s + widened_s
        filled_s = 0
        inside: list[Draft] = []
        for event in timeline.heard_between(from_s, to_s):
            both_s = min(to_s, event.ended_s) - max(from_s, event.began_s)
            if both_s > 0 and not hands.apart(row, event):
                filled_s += both_s
                inside.append(event)
        if 2 * filled_s >= row.ended_s - row.began_s:
            for event in inside:
                event.absorb(row, Rule.OVERLAP)

"""Rules 1, 2, 4 and 5: an account row is a row of the extended export, one to one."""

from collections import defaultdict
from collections.abc import Sequence

from src.history.merge.drafts import Draft, Timeline
from src.history.merge.event import Rule
from src.history.merge.hands import Hands
from src.history.observations import MINUTE_S, TOLERANCE_S, outside_minute_s

NEAR_MS = 1_000
"""Rule 2: difference between two measurements of one listening, in milliseconds."""

_LOOSE_MS = 5_000
_DRIFT_S = 15 * 60
_DRIFT_LEAST_MS = 1_000  # shorter rows of equal ms are too common to be told apart by it


def pair_surely(acc: Sequence[Draft], ext: Sequence[Draft], hands: Hands) -> None:
    """Pair rows of equal ms and compatible ends, then those within NEAR_MS."""
    _pair_in_their_minute(acc, ext, hands)
    _pair(acc, ext, hands, rule=Rule.EQUAL_MS, within_ms=0)
    _pair(acc, ext, hands, rule=Rule.NEAR_MS, within_ms=NEAR_MS)


def pair_loosely(acc: Sequence[Draft], ext: Sequence[Draft], hands: Hands) -> None:
    """Pair what the sums left: compatible ends within 5 s of ms, then equal ms within 15 min."""
    _pair(acc, ext, hands, rule=Rule.LOOSE_MS, within_ms=_LOOSE_MS)
    drifted = [row for row in acc if row.ms >= _DRIFT_LEAST_MS]
    _pair(drifted, ext, hands, rule=Rule.DRIFT, within_ms=0, within_s=_DRIFT_S)


def _pair_in_their_minute(acc: Sequence[Draft], ext: Sequence[Draft], hands: Hands) -> None:
    """Pair what costs nothing, in order of rank: most rows, in linear time."""
    waiting: defaultdict[tuple[int, int], list[Draft]] = defaultdict(list)
    for row in reversed(ext):
        if row.free:
            waiting[row.ended_s - row.ended_s % MINUTE_S, row.ms].append(row)
    for row in acc:
        rows = waiting.get((row.seen.ended_s, row.ms)) if row.free else None
        for index in range(len(rows) - 1, -1, -1) if rows else ():
            if rows and not hands.apart(row, rows[index]):
                rows.pop(index).absorb(row, Rule.EQUAL_MS)
                break


def _pair(
    acc: Sequence[Draft],
    ext: Sequence[Draft],
    hands: Hands,
    *,
    rule: Rule,
    within_ms: int,
    within_s: int = TOLERANCE_S,
) -> None:
    """Pair free rows, cheapest first: by time, then by ms, then by rank."""
    acc = [row for row in acc if row.free]
    ext = [row for row in ext if row.free]
    if not acc or not ext:
        return
    edges: list[tuple[int, int, int, int, Draft, Draft]] = []
    timeline = Timeline(ext)
    for row in acc:
        minute_s = row.seen.ended_s
        for other in timeline.ended_between(
            minute_s - within_s, minute_s + MINUTE_S - 1 + within_s
        ):
            off_ms = abs(row.ms - other.ms)
            if off_ms <= within_ms and not hands.apart(row, other):
                off_s = outside_minute_s(other.ended_s, minute_s)
                edges.append((off_s, off_ms, row.rank, other.rank, row, other))
    edges.sort()  # the ranks of a pair are unique: no draft is ever compared
    for *_, row, other in edges:
        if row.free and other.free:
            other.absorb(row, rule)

"""Rule 3: one row of one export is several consecutive rows of the other."""

from collections.abc import Iterator, Sequence

from src.history.merge.drafts import Draft, Timeline
from src.history.merge.event import Rule
from src.history.merge.hands import Hands
from src.history.observations import MINUTE_S, TOLERANCE_S, Source, outside_minute_s

_MOST_PARTS = 12
_GAP_S = 30 * 60
_OFF_MS = 1_000  # for each part
_LEAST_MS = 1_000  # a shorter row adds nothing: any sum would swallow it

_MOST_ENDS = 8  # of each whole: rows that may be its last part

_Found = tuple[int, int, int, int, int, Draft]


def add_up(acc: Sequence[Draft], ext: Sequence[Draft], hands: Hands) -> None:
    """Let one account row explain 2 to 12 extended rows; then the other way round."""
    for whole, parts in _cheapest(acc, ext, hands):
        for part in parts:
            part.absorb(whole, Rule.SUM)
    for whole, parts in _cheapest(ext, acc, hands):
        for part in parts:
            whole.absorb(part, Rule.SUM)


def _cheapest(
    wholes: Sequence[Draft], parts: Sequence[Draft], hands: Hands
) -> Iterator[tuple[Draft, Sequence[Draft]]]:
    """Yield sums of free rows, cheapest first: by time, ms, number of parts, then rank."""
    wholes = [row for row in wholes if row.free and row.ms >= _LEAST_MS]
    parts = [row for row in parts if row.free and row.ms >= _LEAST_MS]
    if not wholes or len(parts) <= 1:
        return
    timeline = Timeline(parts)
    found: list[_Found] = []
    for whole in wholes:
        for last in _ends_of(whole, timeline):
            found += _sums(whole, timeline.drafts, last, hands)
    found.sort()  # whole, number of parts and last part are unique: no draft is compared
    for _, _, count, _, last, whole in found:
        chosen = timeline.drafts[last + 1 - count : last + 1]
        if whole.free and all(part.free for part in chosen):
            yield whole, chosen


def _ends_of(whole: Draft, parts: Timeline) -> range:
    """Return the places of the parts that may be the last of the whole."""
    from_s = whole.seen.ended_s - TOLERANCE_S
    to_s = whole.seen.ended_s + TOLERANCE_S
    if whole.seen.source is Source.ACCOUNT:
        to_s += MINUTE_S - 1
    else:  # the parts' own ends are put in the middle of their minutes
        from_s += MINUTE_S // 2 - (MINUTE_S - 1)
        to_s += MINUTE_S // 2
    return parts.places_ended_between(from_s, to_s, most=_MOST_ENDS)


def _off_s(whole: Draft, last: Draft) -> int:
    if whole.seen.source is Source.ACCOUNT:
        return outside_minute_s(last.ended_s, whole.seen.ended_s)
    return outside_minute_s(whole.ended_s, last.seen.ended_s)


def _sums(whole: Draft, rows: Sequence[Draft], last: int, hands: Hands) -> Iterator[_Found]:
    """Walk back from the row at `last` over those that follow each other closely."""
    off_s = _off_s(whole, rows[last])
    total_ms = 0
    for count in range(1, min(_MOST_PARTS, last + 1) + 1):
        part = rows[last + 1 - count]
        if count > 1 and rows[last + 2 - count].began_s - part.ended_s > _GAP_S:
            return
        total_ms += part.ms
        if total_ms > whole.ms + _MOST_PARTS * _OFF_MS or hands.apart(whole, part):
            return
        off_ms = abs(total_ms - whole.ms)
        if count > 1 and off_ms <= count * _OFF_MS:
            yield off_s, off_ms, count, whole.rank, last, whole

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

_Found = tuple[int, int, int, int, int, Draft, list[Draft]]


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
) -> Iterator[tuple[Draft, list[Draft]]]:
    """Yield sums of free rows, cheapest first: by time, ms, number of parts, then rank."""
    wholes = [row for row in wholes if row.free and row.ms >= _LEAST_MS]
    parts = [row for row in parts if row.free and row.ms >= _LEAST_MS]
    if not wholes or len(parts) <= 1:
        return
    timeline = Timeline(parts)
    place = {row.rank: index for index, row in enumerate(timeline.drafts)}
    found: list[_Found] = []
    for whole in wholes:
        for last in _ending_with(whole, timeline):
            found += _sums(whole, timeline.drafts, place[last.rank], hands)
    found.sort()  # whole, number of parts and last part are unique: no draft is compared
    for *_, whole, chosen in found:
        if whole.free and all(part.free for part in chosen):
            yield whole, chosen


def _ending_with(whole: Draft, parts: Timeline) -> Sequence[Draft]:
    minute_s = whole.seen.ended_s
    if whole.seen.source is Source.ACCOUNT:
        return parts.ended_between(minute_s - TOLERANCE_S, minute_s + MINUTE_S - 1 + TOLERANCE_S)
    middle_s = MINUTE_S // 2  # where the end of an account row is put
    from_s = whole.ended_s - MINUTE_S - TOLERANCE_S + middle_s + 1
    return parts.ended_between(from_s, whole.ended_s + TOLERANCE_S + middle_s)


def _off_s(whole: Draft, last: Draft) -> int:
    if whole.seen.source is Source.ACCOUNT:
        return outside_minute_s(last.ended_s, whole.seen.ended_s)
    return outside_minute_s(whole.ended_s, last.seen.ended_s)


def _sums(whole: Draft, rows: Sequence[Draft], last: int, hands: Hands) -> Iterator[_Found]:
    """Walk back from the row at `last` over those that follow each other closely."""
    total_ms = 0
    chosen: list[Draft] = []
    for index in range(last, max(-1, last - _MOST_PARTS), -1):
        part = rows[index]
        if chosen and chosen[-1].began_s - part.ended_s > _GAP_S:
            return
        chosen.append(part)
        total_ms += part.ms
        if total_ms > whole.ms + _MOST_PARTS * _OFF_MS or hands.apart(whole, part):
            return
        off_ms = abs(total_ms - whole.ms)
        if len(chosen) > 1 and off_ms <= len(chosen) * _OFF_MS:
            off_s = _off_s(whole, chosen[0])
            yield off_s, off_ms, len(chosen), whole.rank, chosen[0].rank, whole, chosen.copy()

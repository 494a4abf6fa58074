"""Drafts: observations on their way to become events, or sources of others."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from src.history.merge.event import Rule
from src.history.observations import MINUTE_S, Observation, Source

MOST_CANDIDATES = 64
"""Rows looked at for each row. No listener comes near it within the time that a rule
allows; without a bound, a crafted file would cost the square of its rows."""

_EXTENDED = Source.EXTENDED
_ACCOUNT = Source.ACCOUNT
_Row = tuple[int, int, int, str, int, int, int]


class Draft:
    """One observation, what it was found to tell of, and what was found to tell of it.

    Attributes:
        seen: The observation.
        rank: Its place among all observations of the episode, by source, end, ms,
            ordinal, identity and start: unique, and the same in any order of input.
        key: Key of the observation.
        began_s: Start of the event it would be, UTC epoch seconds.
        ended_s: End of that event; account rows: the middle of their minute.
        ms: Milliseconds of that event.
        told: Drafts that tell of the same listening.
        rule: What the first of them was found by.
        free: No row of the other export is its partner yet.
        taken: It is a source of another draft, or of nothing: no event of its own.
    """

    __slots__ = ("began_s", "ended_s", "free", "key", "ms", "rank", "rule", "seen", "taken", "told")

    def __init__(self, seen: Observation, rank: int) -> None:
        self.seen = seen
        self.rank = rank
        self.key = seen.key
        self.ms = seen.ms
        self.began_s = seen.began_s
        self.ended_s = seen.ended_s
        if seen.source is _ACCOUNT:
            self.ended_s += MINUTE_S // 2
            self.began_s = self.ended_s - seen.ms // 1000
        self.told: list[Draft] = []
        self.rule: Rule | None = None
        self.free = True
        self.taken = False

    def absorb(self, other: "Draft", rule: Rule | None = None) -> None:
        """Make `other`, and what tells of it, sources of this draft, found by `rule`."""
        self.told.append(other)
        self.told.extend(other.told)
        if other.seen.source is _ACCOUNT or (other.seen.source is _EXTENDED and not other.free):
            self.free = False
        other.free = False
        other.taken = True
        self.rule = self.rule or rule


class Timeline:
    """Drafts in order of their ends, found again by time."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        self.drafts = sorted(drafts, key=lambda draft: (draft.ended_s, draft.rank))
        self._ends = [draft.ended_s for draft in self.drafts]
        self._longest_s = max((draft.ended_s - draft.began_s for draft in self.drafts), default=0)

    def places_ended_between(self, from_s: int, to_s: int, *, most: int) -> range:
        """Return the places in `drafts` of those that `ended_between` returns."""
        low, high = bisect_left(self._ends, from_s), bisect_right(self._ends, to_s)
        if high - low > most:
            middle = bisect_left(self._ends, (from_s + to_s) // 2, low, high)
            low = max(low, min(middle - most // 2, high - most))
            high = low + most
        return range(low, high)

    def ended_between(self, from_s: int, to_s: int) -> Sequence[Draft]:
        """Return those whose end lies in [from_s, to_s], MOST_CANDIDATES in its middle at most."""
        places = self.places_ended_between(from_s, to_s, most=MOST_CANDIDATES)
        return self.drafts[places.start : places.stop]

    def heard_between(
        self, from_s: int, to_s: int, *, most: int | None = MOST_CANDIDATES
    ) -> Iterator[Draft]:
        """Yield those that touch [from_s, to_s], among the first `most` that end after `from_s`."""
        first = bisect_left(self._ends, from_s)
        last = bisect_right(self._ends, to_s + self._longest_s)
        if most is not None:
            last = min(last, first + most)
        for draft in islice(self.drafts, first, last):
            if draft.began_s <= to_s:
                yield draft


def drafts_of(observations: Iterable[Observation]) -> dict[Source, list[Draft]]:
    """Return drafts of distinct observations, by source, each list in order of rank.

    Of observations of one key that differ in what the key leaves out, which no importer
    writes, the one that sorts first is kept.
    """
    seen: dict[Source, list[Observation]] = {source: [] for source in Source}
    for observation in observations:
        seen[observation.source].append(observation)
    drafts: dict[Source, list[Draft]] = {}
    rank = 0
    for source, rows in seen.items():
        drafts[source] = found = []
        for row in _distinct(sorted(rows, key=_order)) if len(rows) > 1 else rows:
            found.append(Draft(row, rank))
            rank += 1
    return drafts


def _order(row: Observation) -> _Row:
    position = -1 if row.position_ms is None else row.position_ms
    return (row.ended_s, row.ms, row.n, row.episode, row.began_s, position, row.flags)


def _distinct(rows: Sequence[Observation]) -> list[Observation]:
    kept = [rows[0]]
    for row in rows[1:]:
        last = kept[-1]
        if (
            row.ended_s != last.ended_s
            or row.ms != last.ms
            or row.n != last.n
            or row.episode != last.episode
            or (row.source is Source.WINDOW and row.began_s != last.began_s)
        ):
            kept.append(row)
    return kept

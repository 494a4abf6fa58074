"""When a show publishes, in closed form: no list of episodes is ever made.

A rhythm is a cycle with slots in it: episode k comes out at
`start + (k // slots) * cycle + slot[k % slots] + jitter(k)`. The jitter is never
negative and stays below the distance to the next slot, so publications keep
their order and only the newest slot can still be waiting for its episode.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from simulator.world.chance import Purpose, mixed
from simulator.world.instants import DAY_MS, HOUR_MS, WEEK_MS
from simulator.world.types import Rhythm

_IRREGULAR_OF_100 = 15
_USUAL_JITTER_MS = 24 * HOUR_MS // 60


@dataclass(frozen=True, slots=True)
class Cycle:
    """A repeating pattern: its length and where in it episodes come out, in ms."""

    length_ms: int
    slots_ms: tuple[int, ...]

    @property
    def least_gap_ms(self) -> int:
        """The shortest distance between two slots, across the seam too."""
        ends = (*self.slots_ms[1:], self.length_ms + self.slots_ms[0])
        return min(b - a for a, b in zip(self.slots_ms, ends, strict=True))


CYCLES = {
    Rhythm.DAILY: Cycle(WEEK_MS, tuple(day * DAY_MS for day in range(5))),
    Rhythm.SEVERAL_WEEKLY: Cycle(2 * WEEK_MS, tuple(day * DAY_MS for day in (0, 2, 4, 7, 10))),
    Rhythm.WEEKLY: Cycle(WEEK_MS, (0,)),
    Rhythm.FORTNIGHTLY: Cycle(2 * WEEK_MS, (0,)),
    Rhythm.MONTHLY: Cycle(30 * DAY_MS, (0,)),
    Rhythm.SEASONAL: Cycle(26 * WEEK_MS, tuple(week * WEEK_MS for week in range(10))),
    Rhythm.DEAD: Cycle(WEEK_MS, (0,)),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One show's publications.

    Attributes:
        seed: Seed of the world.
        show: Index of the show.
        start_ms: Slot of episode 0.
        cycle: The pattern that repeats.
        last: Episodes there will ever be, or None while the show lives on.
    """

    seed: int
    show: int
    start_ms: int
    cycle: Cycle
    last: int | None

    def published_ms(self, number: int) -> int:
        """Return when episode `number` (from 0) comes out, in ms since 1970."""
        cycle = self.cycle
        turn, slot = divmod(number, len(cycle.slots_ms))
        return (
            self.start_ms + turn * cycle.length_ms + cycle.slots_ms[slot] + self._jitter_ms(number)
        )

    def count(self, at_ms: int) -> int:
        """Return how many episodes are out at `at_ms`, without counting them."""
        since = at_ms - self.start_ms
        if since < 0:
            return 0
        cycle = self.cycle
        turn, within = divmod(since, cycle.length_ms)
        count = turn * len(cycle.slots_ms) + bisect_right(cycle.slots_ms, within)
        if self.last is not None and count > self.last:
            count = self.last
        if count and self.published_ms(count - 1) > at_ms:
            return count - 1
        return count

    def _jitter_ms(self, number: int) -> int:
        """Mostly minutes; now and then up to 90 % of the distance to the next slot."""
        bits = mixed(self.seed, Purpose.JITTER, self.show, number)
        span = _USUAL_JITTER_MS
        if bits % 100 < _IRREGULAR_OF_100:
            span = self.cycle.least_gap_ms * 9 // 10
        return (bits >> 16) % span

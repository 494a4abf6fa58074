"""Making a failing plan small: fewer faults, then fewer days and users.

First the faults that matter are looked for one by one, then delta debugging (Zeller) leaves
out ever smaller parts as long as the same property breaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from tests.sim.plan import DAY_S, Fault, Plan

MOST_RUNS = 60
"""Runs after which the smallest plan found is good enough."""

Fails = Callable[[Plan], bool]
"""Runs a plan; true if it breaks the same property."""


class _Enough(Exception):
    """No more runs are allowed."""


@dataclass(slots=True)
class Shrinking:
    """A search for a small plan that still fails.

    Attributes:
        best: The smallest found so far.
        runs: Runs made for it.
    """

    best: Plan
    fails: Fails
    most_runs: int = MOST_RUNS
    runs: int = 0
    _known: set[Plan] = field(default_factory=set)

    def shrink(self) -> Plan:
        """Search until nothing can be left out, or the runs are used up."""
        try:
            self._by_halving()
            self._fewer_faults()
            self._fewer_users()
            self._fewer_days()
            self._fewer_faults()
        except _Enough:
            pass
        return self.best

    def _try(self, plan: Plan) -> bool:
        if plan in self._known:
            return False
        self._known.add(plan)
        if self.runs >= self.most_runs:
            raise _Enough
        self.runs += 1
        if not self.fails(plan):
            return False
        self.best = plan
        return True

    def _by_halving(self) -> None:
        """Find the needed faults, the last one first, by halving what goes before it."""
        kept: list[Fault] = []
        faults = list(self.best.faults)
        while faults and not self._try(self.best.with_faults(kept)):
            low, high = 0, len(faults)
            while high - low > 1:
                middle = (low + high) // 2
                if self._try(self.best.with_faults([*faults[:middle], *kept])):
                    high = middle
                else:
                    low = middle
            kept.insert(0, faults[high - 1])
            del faults[high - 1 :]
        self._try(self.best.with_faults(kept))

    def _fewer_faults(self) -> None:
        """Leave out what halving left because faults hang together: delta debugging proper."""
        parts = 2
        while len(faults := self.best.faults) > 1:
            pieces = _cut(faults, parts)
            if self._one_of_them(pieces):
                parts = 2
            elif self._all_but_one(pieces):
                parts = max(2, parts - 1)
            elif parts >= len(faults):
                return
            else:
                parts = min(len(faults), 2 * parts)

    def _one_of_them(self, pieces: Sequence[Sequence[Fault]]) -> bool:
        return any(self._try(self.best.with_faults(piece)) for piece in pieces)

    def _all_but_one(self, pieces: Sequence[Sequence[Fault]]) -> bool:
        if len(pieces) == 2:
            return False
        rests = [
            [fault for other in pieces if other is not piece for fault in other] for piece in pieces
        ]
        return any(self._try(self.best.with_faults(rest)) for rest in rests)

    def _fewer_users(self) -> None:
        concerned = {fault.listener for fault in self.best.faults if fault.listener is not None}
        for users in range(max(concerned, default=0) + 1, self.best.users):
            if self._try(replace(self.best, users=users)):
                return

    def _fewer_days(self) -> None:
        last_s = max((fault.ends_s for fault in self.best.faults), default=0.0)
        for days in (0.05, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0):
            if last_s / DAY_S < days < self.best.days and self._try(replace(self.best, days=days)):
                return


def _cut(faults: Sequence[Fault], parts: int) -> list[Sequence[Fault]]:
    """Cut into nearly equal pieces."""
    bounds = [len(faults) * part // parts for part in range(parts + 1)]
    return [faults[low:high] for low, high in pairwise(bounds)]

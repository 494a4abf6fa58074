"""What a store of observations promises, in memory: runs support them, events are derived."""

from collections.abc import Iterable
from uuid import UUID

from src.history.merge.derive import derive
from src.history.merge.event import Edit, Event
from src.history.observations import Observation


class Shelf:
    """Observations of one episode and the runs that brought them."""

    def __init__(self) -> None:
        self.observations: dict[UUID, Observation] = {}
        self._support: dict[UUID, set[str]] = {}

    def add(self, run: str, observations: Iterable[Observation]) -> tuple[int, int]:
        """Let `run` support them; return how many were new and how many known."""
        rows = list(observations)
        new = {row.key: row for row in rows if row.key not in self.observations}
        for row in rows:
            self._support.setdefault(row.key, set()).add(run)
        self.observations |= new
        return len(new), len(rows) - len(new)

    def undo(self, run: str) -> None:
        """Take a run's support away, and what then has none."""
        for key, runs in list(self._support.items()):
            runs.discard(run)
            if not runs:
                del self._support[key], self.observations[key]

    def events(self, edits: Iterable[Edit] = ()) -> list[Event]:
        """Derive what is there."""
        return derive(self.observations.values(), edits)

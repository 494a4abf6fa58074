"""All properties at work on one run."""

from typing import Any

from tests.sim.properties.property import Broken, Case
from tests.sim.properties.registry import ALL
from tests.sim.wire import Exchange


class Verdict:
    """Asks every property about what happens; the first that is broken ends the run.

    Attributes:
        broken: What does not hold; None as long as everything does.
    """

    def __init__(self, case: Case) -> None:
        """Ask nothing yet."""
        self._case = case
        self._properties = [kind(case) for kind in ALL]
        self.broken: Broken | None = None

    def exchange(self, exchange: Exchange) -> None:
        """Show a request that reached the service."""
        for one in self._properties:
            self._ask(one.exchange, exchange)

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Show an event of the product's log."""
        for one in self._properties:
            self._ask(one.event, event, fields)

    def death(self) -> None:
        """Show what a killed process left."""
        for one in self._properties:
            self._ask(one.death)

    def end(self) -> None:
        """Show the end of the run."""
        for one in self._properties:
            self._ask(one.end)

    def forgives(self, error: Exception) -> bool:
        """Tell whether the process may have ended by `error`."""
        is_database = type(error).__name__ == "OperationalError"
        return is_database and self._case.is_database_at_fault(self._case.stage.now_s())

    def _ask(self, question: Any, *shown: Any) -> None:
        # Raised inside the product, a broken property would be one more error to recover from.
        if self.broken is not None:
            return
        try:
            question(*shown)
        except Broken as broken:
            self.broken = broken
            loop = self._case.stage.life.loop
            loop.kill_at = loop.steps

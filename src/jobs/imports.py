"""Imports of one process: a task for each, claimed from the runs that wait.

The run's row is the job of record: a claim whose process died lapses, and whoever claims
it goes on where the last commit was.
"""

import asyncio
from collections.abc import Callable

from src.history import importing
from src.history.queries.runs import Claim
from src.runtime import Runtime

AT_ONCE = 2
"""Imports under way in one process: each takes a processor while it reads."""


class Imports:
    """Works off claims of imports, and of taking them back."""

    def __init__(self, runtime: Runtime, *, on_free: Callable[[], None]) -> None:
        """Hold nothing yet.

        Args:
            runtime: Database and clock.
            on_free: Called whenever one has ended.
        """
        self._runtime = runtime
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()

    async def claim_due(self) -> float | None:
        """Begin what waits, as far as there are places.

        Returns:
            Seconds until there can be more to do, 0 or less for at once; None if nobody
            waits, or when a place has to become free first.
        """
        free = AT_ONCE - len(self._tasks)
        if free <= 0:
            return None
        for claim in await importing.claim_due(self._runtime, limit=free):
            self._begin(claim)
        next_at = await importing.next_due(self._runtime)
        if next_at is None:
            return None
        return (next_at - self._runtime.clock.now()).total_seconds()

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(importing.handle(self._runtime, claim))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._on_free()

    async def close(self) -> None:
        """Stop those under way between two of their steps; their claims are given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

"""Waking background work inside one process: the schedule row is the job, this is the bell."""

import asyncio

from src.utils.clock import Clock


class Bell:
    """Lets whoever changed the schedule wake the dispatcher at once.

    Nothing is stored here: a lost ring only means that the dispatcher looks at
    the schedule a little later.
    """

    def __init__(self, clock: Clock) -> None:
        """Wait by `clock`."""
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter now, or let its next wait return at once."""
        self._rung.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when rung, or after `timeout_s` seconds of the clock."""
        timer = asyncio.ensure_future(self._ring_after(timeout_s))
        try:
            await self._rung.wait()
        finally:
            timer.cancel()
        self._rung.clear()

    async def _ring_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._rung.set()

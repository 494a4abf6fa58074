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
        self._woken = asyncio.Event()
        self._is_rung = False

    def ring(self) -> None:
        """Wake the waiter now, or let its next wait return at once."""
        self._is_rung = True
        self._woken.set()

    async def wait(self, timeout_s: float) -> bool:
        """Return when rung, or after `timeout_s` seconds of the clock; true if it was rung."""
        timer = asyncio.ensure_future(self._wake_after(timeout_s))
        try:
            await self._woken.wait()
        finally:
            timer.cancel()
        self._woken.clear()
        is_rung, self._is_rung = self._is_rung, False
        return is_rung

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._woken.set()

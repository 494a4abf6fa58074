"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
import threading
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

START = datetime(2026, 11, 1, tzinfo=UTC)
_TURNS = 20  # loop turns after each wake-up; one in-process request needs about 5
_REAL_WAIT_S = 0.001
_OLD_THREADS = frozenset(threading.enumerate())


class SteppedClock:
    """The `Clock` of tests: sleepers wake in order, each at its own instant, in no real time.

    `step` moves by hand; `run` drives a whole piece of work to its end. `asyncio.timeout` stays
    on real time. Belongs to the event loop that sleeps on it.
    """

    def __init__(self, start: datetime = START, *, patience_s: float = 0.005) -> None:
        """Stand still at `start`.

        Args:
            start: The first instant, aware UTC.
            patience_s: Real seconds `run` waits for sockets and threads that show no progress
                before it moves on. Costs nothing when the process has none open.
        """
        self._start = start
        self._elapsed_s = 0.0
        self._patience_s = patience_s
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the current instant as an aware UTC datetime."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the seconds stepped so far."""
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, next(self._order), alarm))
        await alarm

    async def step(self, seconds: float) -> None:
        """Move by `seconds` (>= 0), waking each sleeper on the way at its own instant."""
        target_s = self._elapsed_s + seconds
        await _turns()
        while (wake_s := self._next_wake_s()) is not None and wake_s <= target_s:
            await self._wake_next()
        self._elapsed_s = target_s
        await _turns()

    def jump(self, seconds: float) -> None:
        """Move by `seconds` without waking anyone: the process was frozen; sleepers wake late."""
        self._elapsed_s += seconds

    async def run(
        self, work: Awaitable[T], *, limit_s: float = 90 * 86_400.0, stuck_s: float = 30.0
    ) -> T:
        """Drive `work` to its end, moving to the next sleeper whenever nothing else moves.

        Works across real loopback connections and database threads, which are given real time
        before the clock moves.

        Args:
            work: Coroutine, task or future of the running loop.
            limit_s: Clock seconds after which `work` counts as endless.
            stuck_s: Real seconds without sleeper or progress after which it counts as stuck.

        Returns:
            What `work` returns; what it raises is raised.

        Raises:
            TimeoutError: `work` is endless or stuck. It has been cancelled.
        """
        task = asyncio.ensure_future(work)
        limit_s += self._elapsed_s
        try:
            while not await self._settled(task):
                wake_s = self._next_wake_s()
                if wake_s is None:
                    await self._outside_help(task, stuck_s=stuck_s)
                elif wake_s > limit_s:
                    msg = f"still running after {self._elapsed_s:.0f} s of clock time"
                    raise TimeoutError(msg)
                else:
                    await self._wake_next()
            return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _next_wake_s(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def _wake_next(self) -> None:
        wake_s, _, alarm = heapq.heappop(self._sleepers)
        self._elapsed_s = max(self._elapsed_s, wake_s)
        alarm.set_result(None)
        await _turns()

    async def _settled(self, task: asyncio.Future[T]) -> bool:
        """Let everything run that can; true when `task` has ended."""
        loop = asyncio.get_running_loop()
        await _turns()
        seen = _progress()
        quiet_since = loop.time()
        while not task.done() and _outside_may_call():
            await asyncio.sleep(_REAL_WAIT_S)
            await _turns()
            if (latest := _progress()) != seen:
                seen, quiet_since = latest, loop.time()
            elif loop.time() - quiet_since >= self._patience_s:
                break
        return task.done()

    async def _outside_help(self, task: asyncio.Future[T], *, stuck_s: float) -> None:
        """Nobody sleeps on this clock: only a thread, a socket or a real timer can go on."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + stuck_s
        seen = _progress()
        while not task.done() and self._next_wake_s() is None and _progress() == seen:
            if loop.time() > give_up:
                msg = f"nothing moved for {stuck_s} real seconds and nobody sleeps on the clock"
                raise TimeoutError(msg)
            await asyncio.sleep(_REAL_WAIT_S)


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def _progress() -> dict[asyncio.Task[object], object]:
    """What every task waits for; it changes when one of them has moved."""
    return {task: getattr(task, "_fut_waiter", None) for task in asyncio.all_tasks()}


def _outside_may_call() -> bool:
    """Whether a socket or a thread exists that could still wake this loop."""
    selector = getattr(asyncio.get_running_loop(), "_selector", None)
    watched = 2 if selector is None else len(selector.get_map())
    return watched > 1 or not _OLD_THREADS.issuperset(threading.enumerate())

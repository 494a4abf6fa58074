"""A clock that stands still until a test moves it."""

import asyncio
import functools
import heapq
import itertools
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, CoroutineType
from typing import TypeVar

from tests.utils.database_waits import under_way

T = TypeVar("T")

START = datetime(2026, 11, 1, tzinfo=UTC)
_TURNS = 20  # loop turns after each wake-up; one in-process request needs about 5
_REAL_WAIT_S = 0.001
_DATABASE_PATIENCE_S = 3.0
_ASYNCIO = str(Path(asyncio.__file__).parent)
_WAITING_ROOMS = frozenset(
    f"{_ASYNCIO}/{name}.py" for name in ("locks", "queues", "taskgroups", "tasks")
)
_PROJECT = Path(__file__).parents[2]
_LIBRARIES = _PROJECT / ".venv"
_GATHERING = asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]


class SteppedClock:
    """The `Clock` of tests: sleepers wake in order, each at its own instant, in no real time.

    `step` moves by hand; `run` drives a whole piece of work to its end. `asyncio.timeout` stays
    on real time. Belongs to the event loop that sleeps on it.
    """

    def __init__(self, start: datetime = START, *, patience_s: float = 0.005) -> None:
        """Stand still at `start`.

        Args:
            start: The first instant, aware UTC.
            patience_s: Real seconds that `run` gives a socket or thread somebody waits for
                before it moves on. Costs nothing while nobody waits for one.
        """
        self._start = start
        self._elapsed_s = 0.0
        self._patience_s = patience_s
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._alarms: set[object] = set()
        self._outwaited: set[object] = set()

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
        self._alarms.add(alarm)
        try:
            await alarm
        finally:
            self._alarms.discard(alarm)

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
        if task.done() or not self._outside_may_call():
            return task.done()
        seen = _progress()
        quiet_since = loop.time()
        while not task.done() and self._outside_may_call():
            await asyncio.sleep(_REAL_WAIT_S)
            await _turns()
            if (latest := _progress()) != seen:
                seen, quiet_since = latest, loop.time()
            elif under_way(younger_than_s=_DATABASE_PATIENCE_S):
                continue  # it always answers, unless one of us keeps the lock it waits for
            elif loop.time() - quiet_since >= self._patience_s:
                self._outwaited |= {_waiter(one) for one in self._outsiders()} - {None}
                break
        return task.done()

    def _outside_may_call(self) -> bool:
        return bool(self._outsiders())

    def _outsiders(self) -> list[asyncio.Task[object]]:
        """Tasks that wait for the outside, but those for whose present wait patience ended once.

        A server of another test that waits for a connection would else slow every jump.
        """
        return [
            task
            for task in asyncio.all_tasks() - {asyncio.current_task()}
            if _waiter(task) not in self._outwaited and _waits_outside(task, self._alarms)
        ]

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
    return {task: _waiter(task) for task in asyncio.all_tasks()}


def _waiter(task: asyncio.Task[object]) -> object:
    """Return what `task` waits for at this moment."""
    return getattr(task, "_fut_waiter", None)


def _waits_outside(task: asyncio.Task[object], alarms: set[object]) -> bool:
    """Whether a socket, a thread or a real timer may have to wake `task`; true when in doubt.

    False for what only our own tasks can end: sleepers on the clock, other tasks, and the locks,
    events and queues that this project's code waits at.
    """
    waiter = _waiter(task)
    if waiter in alarms or isinstance(waiter, asyncio.Task | _GATHERING):
        return False
    code, caller = _where(task.get_coro())
    if code is None or caller is None or not _is_ours(caller.co_filename):
        return True
    if code is caller:  # at a bare future; one that a thread will set carries a link to it
        return len(getattr(waiter, "_callbacks", None) or "??") > 1
    return code.co_filename not in _WAITING_ROOMS or code.co_name == "sleep"


@functools.cache
def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(_PROJECT) and not path.is_relative_to(_LIBRARIES)


def _where(coroutine: object) -> tuple[CodeType | None, CodeType | None]:
    """The code a suspended coroutine stands in, and the first around it outside asyncio."""
    code = caller = None
    while isinstance(coroutine, CoroutineType):
        code = coroutine.cr_code
        if not code.co_filename.startswith(_ASYNCIO):
            caller = code
        coroutine = coroutine.cr_await
    if type(coroutine).__name__ != "FutureIter":  # an async generator, which hides its inside
        return None, None
    return code, caller

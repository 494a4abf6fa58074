"""Keep outgoing calls under a limit per moving window of time.

A call reserves the next free slot, writes it down, and only then waits for it: order is the order
of arrival, nobody polls, and a task that dies wastes one slot.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from src.errors import PlayheadError
from src.utils.clock import Clock

SPOTIFY_WINDOWS = ((180, 61.0), (100, 31.0), (12, 2.2))
"""Calls and seconds. The first is the limit with a second to spare; the others keep bursts low."""

_WAITING_PER_USER = 2
_SOON_S = 1.0


class LimiterBusy(PlayheadError):
    """The next free slot lies beyond what the caller would wait; nothing was reserved."""

    status = 503
    code = "limiter_busy"
    title = "Too many calls at once"

    def __init__(self, *, retry_after_s: float) -> None:
        """Say when a slot will be free.

        Args:
            retry_after_s: Seconds until the next free slot, as things stand.
        """
        super().__init__("Too many calls are waiting already.", retry_after_s=retry_after_s)


class Limiter(Protocol):
    """Paces calls, in one process or across several."""

    async def acquire(self, *, max_wait_s: float, user: int | None = None) -> None:
        """Return when one call may be made, now.

        Args:
            max_wait_s: Longest wait in seconds, 0 or more.
            user: Whose call it is. One user's calls wait two at a time, so that a busy user does
                not hold up the others. None waits in no such queue.

        Raises:
            LimiterBusy: The wait would be longer; nothing was reserved.
        """
        ...


class MemoryLimiter:
    """The limiter of a single process on a single event loop; forgets everything at its end."""

    def __init__(
        self,
        windows: Sequence[tuple[int, float]] = SPOTIFY_WINDOWS,
        *,
        clock: Clock,
        margin_s: float = 0.5,
    ) -> None:
        """Start with no calls made; see `prime`.

        Args:
            windows: Most calls, and the seconds of the moving window they may fall into.
            clock: Monotonic time and sleep.
            margin_s: Seconds by which a call may be late for its slot. The widest window must
                be wider than the true limit by that much, and by what comes after the turn.
        """
        self._windows = tuple(windows)
        self._clock = clock
        self._margin_s = margin_s
        self._slots: deque[float] = deque(maxlen=max(calls for calls, _ in windows))
        self._queues: dict[int, _Queue] = {}

    def prime(self, ages_s: Sequence[float]) -> None:
        """Count calls made before this limiter was, by an earlier process for instance.

        Args:
            ages_s: Seconds ago of each call, 0 or more, in any order.
        """
        now_s = self._clock.monotonic()
        slots = sorted([*self._slots, *(now_s - max(0.0, age_s) for age_s in ages_s)])
        self._slots.clear()
        self._slots.extend(slots)

    async def acquire(self, *, max_wait_s: float, user: int | None = None) -> None:
        """Return when one call may be made, now; see `Limiter.acquire`."""
        deadline_s = self._clock.monotonic() + max_wait_s
        if user is None:
            await self._pass_slot(deadline_s)
            return
        self._next_wait_s(deadline_s)  # a queue only makes it later: refuse now
        queue = self._queues.setdefault(user, _Queue(self._clock))
        try:
            await self._pass_queue(queue, deadline_s)
        finally:
            if queue.empty():
                self._queues.pop(user, None)

    async def _pass_queue(self, queue: "_Queue", deadline_s: float) -> None:
        if not await queue.enter(deadline_s - self._clock.monotonic()):
            self._next_wait_s(deadline_s)
            raise LimiterBusy(retry_after_s=_SOON_S)
        try:
            await self._pass_slot(deadline_s)
        finally:
            queue.leave()

    async def _pass_slot(self, deadline_s: float) -> None:
        while True:
            asked_s = self._clock.monotonic()
            wait_s = self._next_wait_s(deadline_s)
            self._slots.append(asked_s + wait_s)
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            # Woken too late, the call could fall into a window that is full by now.
            if self._clock.monotonic() - asked_s - wait_s <= self._margin_s:
                return

    def _next_wait_s(self, deadline_s: float) -> float:
        """Return the seconds to the next free slot; raises LimiterBusy if `deadline_s` is first."""
        now_s = self._clock.monotonic()
        slot_s = max(now_s, self._slots[-1]) if self._slots else now_s
        for calls, window_s in self._windows:
            if len(self._slots) >= calls:
                slot_s = max(slot_s, self._slots[-calls] + window_s)
        if slot_s > deadline_s:
            raise LimiterBusy(retry_after_s=slot_s - now_s)
        return slot_s - now_s


class _Queue:
    """Two places, and those who wait for one in the order they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free = _WAITING_PER_USER
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def empty(self) -> bool:
        """Whether nobody stands or waits here."""
        return self._free == _WAITING_PER_USER and not self._waiting

    async def enter(self, max_wait_s: float) -> bool:
        """Take a place, waiting for it at most `max_wait_s`; false if there was none."""
        if self._free:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        alarm = asyncio.ensure_future(self._give_up(turn, max_wait_s))
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():
                self.leave()  # the place came in the same moment
            raise
        finally:
            alarm.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)

    def leave(self) -> None:
        """Give the place to who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    async def _give_up(self, turn: asyncio.Future[bool], after_s: float) -> None:
        await self._clock.sleep(after_s)
        if not turn.done():
            turn.set_result(False)

"""An event loop on virtual time: it never waits, it jumps to the next timer.

Steps of tasks that are ready together run in a seeded order; other callbacks keep theirs,
since transports and futures rely on it.
"""

import asyncio
import io
import selectors
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

MOST_STEPS_AN_HOUR = 2_000_000
"""Steps of one virtual hour beyond which something is spinning."""

_HOUR_S = 3600.0
_RESOLUTION_S = 1e-6  # finer ones vanish in the float once time is large
_STACK_LINES = 6


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: everybody waits for somebody."""


class Spinning(RuntimeError):
    """More steps in one virtual hour than any honest work takes."""


class Killed(BaseException):
    """The process was killed here, between two steps; nothing of it runs any further."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: sets the loop's time to that of its next timer."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        """Report no event, having moved time if there was nothing else to do."""
        if timeout is None:
            raise Deadlock(f"nothing is ready and no timer is set\n{self.loop.stacks()}")
        if timeout > 0:
            self.loop.jump()
        return ()


class _Shuffled(deque[Any]):
    """Ready handles; the steps of tasks among them come out in a seeded order."""

    def __init__(self, loop: "VirtualLoop", rng: Random) -> None:
        super().__init__()
        self._loop = loop
        self._rng = rng

    def popleft(self) -> Any:
        """Take the next callback, or any of the task steps if a task step is next."""
        if _is_step(self[0]):
            self._loop.count_step()
            if len(self) > 1:
                steps = [place for place, handle in enumerate(self) if _is_step(handle)]
                place = steps[int(self._rng.random() * len(steps))]
                handle = self[place]
                del self[place]
                return handle
        return super().popleft()


def _is_step(handle: Any) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose seconds pass only when nobody has anything to do.

    Attributes:
        steps: Task steps taken so far.
        kill_at: Number of steps before which `Killed` is raised; None never.
    """

    def __init__(
        self,
        rng: Random,
        *,
        start_s: float = 0.0,
        steps: int = 0,
        most_steps_an_hour: int = MOST_STEPS_AN_HOUR,
    ) -> None:
        """Stand still at `start_s`.

        Args:
            rng: Decides which of the ready tasks goes first.
            start_s: Virtual seconds to begin at: a process begins when its predecessor ended.
            steps: Steps that count as taken.
            most_steps_an_hour: Beyond which `Spinning` is raised.
        """
        self._now_s = start_s
        self.steps = steps
        self.kill_at: int | None = None
        self._most = most_steps_an_hour
        self._hour = int(start_s // _HOUR_S)
        self._steps_before = steps
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)
        self._ready = _Shuffled(self, rng)
        self._clock_resolution = _RESOLUTION_S

    def time(self) -> float:
        """Return virtual seconds."""
        return self._now_s

    def jump(self) -> None:
        """Move to the next timer."""
        self._now_s = max(self._now_s, self._scheduled[0]._when)  # type: ignore[attr-defined]  # asyncio's own heap
        hour = int(self._now_s // _HOUR_S)
        if hour != self._hour:
            self._hour, self._steps_before = hour, self.steps

    def stall(self, seconds: float) -> None:
        """Let time pass in which nothing ran, as on a machine that stood still."""
        self._now_s += seconds

    def count_step(self) -> None:
        """Count a task step that is about to be taken.

        Raises:
            Killed: The process ends before it.
            Spinning: There were too many in this virtual hour.
        """
        if self.steps == self.kill_at:
            raise Killed
        self.steps += 1
        if self.steps - self._steps_before > self._most:
            self._steps_before = self.steps
            raise Spinning(f"{self._most} steps within one virtual hour\n{self.stacks()}")

    def run_in_executor(  # type: ignore[override]  # there is no executor: one thread does all
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call `func` in a step of its own, on this thread."""

        async def call() -> Any:
            await asyncio.sleep(0)
            return func(*args)

        return self.create_task(call())

    def stacks(self) -> str:
        """Tell where every task waits."""
        text = io.StringIO()
        for task in sorted(asyncio.all_tasks(self), key=lambda task: task.get_name()):
            task.print_stack(limit=_STACK_LINES, file=text)
        return text.getvalue()

    def _make_self_pipe(self) -> None:
        """Make no socket: no other thread will ever wake this loop."""
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        """Close no socket."""

    def _process_events(self, event_list: Sequence[Any]) -> None:
        """There are none."""

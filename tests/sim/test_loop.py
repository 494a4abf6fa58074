"""The virtual loop: time that jumps, tasks that are shuffled, and what must not happen."""

import asyncio
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.sim.loop import Deadlock, Spinning, VirtualLoop
from tests.sim.sealed import Outside
from tests.sim.small import play

DAY_S = 86_400.0


def test_a_day_passes_at_once() -> None:
    """Sleeping costs no real time, and the clock says what was slept."""

    async def main() -> float:
        await asyncio.sleep(DAY_S)
        return asyncio.get_running_loop().time()

    began_s = time.perf_counter()
    result, _ = play(1, main)

    assert DAY_S == result
    assert 5.0 > time.perf_counter() - began_s


def test_timeouts_come_on_the_virtual_second() -> None:
    """`asyncio.timeout` counts virtual seconds."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    assert 10.0 == play(1, main)[0]


def test_order_of_ready_tasks_follows_the_seed() -> None:
    """The same seed gives the same order, and seeds differ."""
    orders = {seed: play(seed, _order)[0] for seed in range(10)}

    assert orders == {seed: play(seed, _order)[0] for seed in range(10)}
    assert 1 < len({tuple(order or ()) for order in orders.values()})


async def _order() -> list[int]:
    order: list[int] = []

    async def step(number: int) -> None:
        order.append(number)

    await asyncio.gather(*map(step, range(5)))
    return order


def test_callbacks_keep_their_order() -> None:
    """Only steps of tasks are shuffled: transports rely on `call_soon`."""

    async def main() -> list[int]:
        order: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_soon(order.append, number)
        await asyncio.sleep(1)
        return order

    assert list(range(20)) == play(3, main)[0]


def test_deadlock_is_found_and_shows_who_waits() -> None:
    """When nobody can go on the run ends, with the place where each task waits."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="waits_for_ever"):
        _fails(waits_for_ever)


def test_spinning_is_found() -> None:
    """A loop without a rest does not hang the run."""

    async def spins() -> None:
        while True:  # noqa: ASYNC110 - what is planted
            await asyncio.sleep(0)

    with pytest.raises(Spinning, match="spins"):
        _fails(spins)


def _fails(main: Callable[[], Any]) -> None:
    loop = VirtualLoop(Random(1), most_steps_an_hour=1000)
    task = loop.create_task(main())
    try:
        loop.run_until_complete(task)
    finally:
        task.cancel()
        loop.run_until_complete(asyncio.wait({task}))
        loop.close()


def test_stalled_machine_loses_time() -> None:
    """After a stall timers are late, as on a machine that stood still."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_at(5, loop.stall, 12.0)
        await asyncio.sleep(6)
        return loop.time()

    assert 17.0 == play(1, main)[0]


def _thread() -> None:
    threading.Thread(target=print).start()


def _socket() -> None:
    socket.socket()


def _sleep() -> None:
    time.sleep(0.001)


def _name() -> None:
    socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize("reach_out", [_thread, _socket, _sleep, _name])
def test_nothing_leaves_a_run(reach_out: Callable[[], None]) -> None:
    """Threads, sockets and real sleeps raise."""

    async def main() -> None:
        reach_out()

    with pytest.raises(Outside):
        play(1, main)


def test_work_for_other_threads_is_done_here() -> None:
    """`to_thread` calls its function on this thread, in a step of its own."""

    async def main() -> bool:
        return await asyncio.to_thread(threading.current_thread) is threading.main_thread()

    assert play(1, main)[0]


def test_chance_and_wall_clock_follow_the_run() -> None:
    """What libraries draw and read is the same for the same seed, and virtual."""

    async def main() -> tuple[object, ...]:
        await asyncio.sleep(1.5)
        return uuid.uuid4(), random.random(), random.SystemRandom().random(), time.time()

    assert play(1, main) == play(1, main)
    assert play(1, main) != play(2, main)
    assert play(1, main)[0] is not None

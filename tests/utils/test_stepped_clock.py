"""The clock of tests keeps its own promises."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import aiosqlite
import pytest

from tests.utils.stepped_clock import START, SteppedClock


async def test_each_sleeper_wakes_at_its_own_instant() -> None:
    """A long step is not one jump: everyone sees the time they asked for."""
    clock = SteppedClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.ensure_future(sleeper(*each)) for each in [("b", 2.0), ("a", 1.0), ("c", 9.0)]]
    await clock.step(5)

    assert [("a", 1.0), ("b", 2.0)] == woken
    assert clock.now() == START + timedelta(seconds=5)
    await clock.step(4)
    assert ("c", 9.0) == woken[-1]
    await asyncio.gather(*tasks)


async def test_step_follows_a_sleeper_that_sleeps_again() -> None:
    """A loop of short sleeps runs through one long step."""
    clock = SteppedClock()
    ticks: list[float] = []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep(1)
            ticks.append(clock.monotonic())

    task = asyncio.ensure_future(ticker())
    await clock.step(10)

    assert [1.0, 2.0, 3.0] == ticks
    await task


async def test_run_needs_no_real_time_for_a_day_of_sleeps() -> None:
    """Pure in-process work never waits for real."""
    clock = SteppedClock()

    async def day() -> str:
        for _ in range(24):
            await clock.sleep(3600)
        return "done"

    before = time.monotonic()
    result = await clock.run(day())

    assert "done" == result
    assert 86_400.0 == clock.monotonic()
    assert time.monotonic() - before < 2


async def test_run_lets_threads_and_sockets_finish_before_it_moves() -> None:
    """Real work is given real time; a timeout on the clock does not fire meanwhile."""
    clock = SteppedClock(patience_s=0.2)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await asyncio.to_thread(time.sleep, 0.02)
        await writer.drain()
        writer.close()

    async def work() -> tuple[bytes, float]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            host, port = server.sockets[0].getsockname()
            alarm = asyncio.ensure_future(clock.sleep(30))
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"hello\n")
            line = await reader.readline()
            at_s = clock.monotonic()
            await reader.read()
            writer.close()
            await writer.wait_closed()
            await alarm
        return line, at_s

    assert (b"hello\n", 0.0) == await clock.run(work())
    assert 30.0 == clock.monotonic()


@pytest.mark.parametrize("through", ["coroutine", "generator", "library"])
async def test_clock_stands_while_a_thread_works(through: str) -> None:
    """Whoever waits for the thread, and however deep: a database call takes no clock time."""
    clock = SteppedClock(patience_s=0.2)

    async def rows() -> AsyncIterator[int]:
        await asyncio.to_thread(time.sleep, 0.02)
        yield 1

    async def work() -> float:
        alarm = asyncio.ensure_future(clock.sleep(30))
        if through == "coroutine":
            await asyncio.to_thread(time.sleep, 0.02)
        elif through == "generator":
            assert [1] == [row async for row in rows()]
        else:
            async with aiosqlite.connect(":memory:") as database:
                await database.create_function("nap", 0, lambda: time.sleep(0.02))
                await database.execute("SELECT nap()")
        at_s = clock.monotonic()
        await alarm
        return at_s

    assert 0.0 == await clock.run(work())
    assert 30.0 == clock.monotonic()


async def test_waiting_at_queues_and_events_takes_no_real_time() -> None:
    """Only our own tasks can end such a wait, so nothing outside is waited for."""
    clock = SteppedClock(patience_s=60)
    queue: asyncio.Queue[int] = asyncio.Queue()
    event = asyncio.Event()

    async def producer() -> None:
        for number in range(100):
            await clock.sleep(1)
            await queue.put(number)
        event.set()

    async def consumer() -> int:
        return sum([await queue.get() for _ in range(100)])

    async def work() -> int:
        async with asyncio.TaskGroup() as group:
            group.create_task(producer())
            total = group.create_task(consumer())
            await event.wait()
        return total.result()

    assert 4950 == await clock.run(work())
    assert 100.0 == clock.monotonic()


async def test_run_raises_what_the_work_raises() -> None:
    """A failure inside reaches the test."""
    clock = SteppedClock()

    async def work() -> None:
        await clock.sleep(1)
        raise LookupError

    with pytest.raises(LookupError):
        await clock.run(work())


async def test_run_ends_endless_and_stuck_work() -> None:
    """A test fails with a sentence instead of hanging."""
    clock = SteppedClock()

    async def endless() -> None:
        while True:
            await clock.sleep(60)

    with pytest.raises(TimeoutError, match="still running"):
        await clock.run(endless(), limit_s=600)
    with pytest.raises(TimeoutError, match="nothing moved"):
        await clock.run(asyncio.Event().wait(), stuck_s=0.01)


async def test_cancelled_sleeper_is_forgotten() -> None:
    """A timeout may cancel a sleeper; the clock does not stop at its instant."""
    clock = SteppedClock()
    task = asyncio.ensure_future(clock.sleep(5))
    await clock.step(1)
    task.cancel()

    await clock.run(clock.sleep(1))

    assert 2.0 == clock.monotonic()
    assert task.cancelled()


async def test_jump_makes_sleepers_late() -> None:
    """A frozen process wakes after its instant, and sees it."""
    clock = SteppedClock()
    task = asyncio.ensure_future(clock.sleep(2))
    await clock.step(1)

    clock.jump(10)
    await clock.step(0)

    assert task.done()
    assert 11.0 == clock.monotonic()


async def test_a_wait_that_outlasted_patience_once_slows_no_further_jump() -> None:
    """Somebody else's socket is given real time once, not before each of fifty wake-ups."""

    class Counting(SteppedClock):
        given = 0

        def _outsiders(self) -> list[asyncio.Task[object]]:
            found = super()._outsiders()
            self.given += bool(found)
            return found

    clock = Counting(patience_s=0.005)
    here, there = socket.socketpair()
    here.setblocking(False)
    listening = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(here, 1))

    async def work() -> None:
        for _ in range(50):
            await clock.sleep(1)

    try:
        await clock.run(work())
    finally:
        listening.cancel()
        here.close()
        there.close()

    assert 0 < clock.given < 50

"""Work that must not stop half-way does not, and nobody's cancellation is lost over it."""

import asyncio

import pytest

from src.utils.tasks import finish
from tests.spotify.token_server import pause


async def test_work_gives_its_result() -> None:
    """Without a cancellation nothing is special."""

    async def work() -> int:
        return 3

    assert 3 == await finish(work())


async def test_work_outlives_every_cancellation() -> None:
    """A caller cancelled twice hears of it only once the work is done."""
    door, done = asyncio.Event(), []

    async def work() -> None:
        await door.wait()
        done.append("all")

    caller = asyncio.ensure_future(finish(work()))
    for _ in range(2):
        await pause()
        caller.cancel()
    await pause()
    waits = not caller.done()
    door.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert waits
    assert ["all"] == done


async def test_cancelled_caller_stays_cancelled_when_the_work_fails() -> None:
    """A failure does not stand in for the cancellation, or a loop around it would go on."""
    door = asyncio.Event()

    async def work() -> None:
        await door.wait()
        raise ValueError

    caller = asyncio.ensure_future(finish(work()))
    await pause()
    caller.cancel()
    door.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await caller

    assert isinstance(caught.value.__cause__, ValueError)


async def test_failure_is_raised() -> None:
    """Without a cancellation the work's own failure reaches the caller."""

    async def work() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        await finish(work())

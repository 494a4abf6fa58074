"""The bell that wakes the dispatcher."""

import asyncio

from src.queue import Bell
from tests.utils.stepped_clock import SteppedClock


async def test_a_ring_wakes_the_waiter_at_once(clock: SteppedClock) -> None:
    """Nobody waits for the clock when there is something to do."""
    bell = Bell(clock)
    waiting = asyncio.ensure_future(bell.wait(3600))
    await clock.step(1)

    bell.ring()
    await clock.step(0)

    assert waiting.done()


async def test_a_ring_before_the_wait_is_not_lost(clock: SteppedClock) -> None:
    """Work that arrived while the dispatcher was busy is seen next."""
    bell = Bell(clock)
    bell.ring()

    waiting = asyncio.ensure_future(bell.wait(3600))
    await clock.step(0)

    assert waiting.done()


async def test_without_a_ring_the_wait_ends_by_the_clock(clock: SteppedClock) -> None:
    """The dispatcher looks again when it said it would."""
    bell = Bell(clock)
    waiting = asyncio.ensure_future(bell.wait(60))

    await clock.step(59)
    early = waiting.done()
    await clock.step(1)

    assert (False, True) == (early, waiting.done())

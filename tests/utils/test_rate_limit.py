"""No moving window ever holds more calls than its limit."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.utils.rate_limit import SPOTIFY_WINDOWS, Limiter, LimiterBusy, MemoryLimiter, _Queue
from tests.utils.stepped_clock import SteppedClock

CEILING_S = 10.0


def busiest(instants: Sequence[float], window_s: float) -> int:
    """The most instants in any half-open window of `window_s` seconds."""
    ordered = sorted(instants)
    return max(
        (index + 1 - bisect_left(ordered, last - window_s + 1e-9))
        for index, last in enumerate(ordered)
    )


@pytest.fixture
def clock() -> SteppedClock:
    """Time of one test."""
    return SteppedClock()


async def grants(
    limiter: Limiter, clock: SteppedClock, arrivals: Sequence[float], *, max_wait_s: float
) -> tuple[list[float], int]:
    """Let one caller arrive at each instant; return the instants granted and how many failed."""
    granted: list[float] = []
    refused = 0

    async def caller(arrival_s: float, user: int) -> None:
        nonlocal refused
        await clock.sleep(arrival_s)
        try:
            await limiter.acquire(max_wait_s=max_wait_s, user=user)
        except LimiterBusy:
            refused += 1
        else:
            granted.append(clock.monotonic())

    await clock.run(asyncio.gather(*[caller(at_s, n) for n, at_s in enumerate(arrivals)]))
    return granted, refused


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("max_wait_s", [2.0, CEILING_S, 1e6])
async def test_never_more_than_the_limit_with_random_arrivals(
    clock: SteppedClock, seed: int, max_wait_s: float
) -> None:
    """Quiet spells, bursts and floods over four minutes: every window holds."""
    random = Random(seed)
    arrivals = [random.uniform(0, 240) for _ in range(300)]
    arrivals += [at for at in (random.uniform(0, 240),) * 3 for _ in range(random.randint(50, 150))]
    granted, refused = await grants(
        MemoryLimiter(clock=clock), clock, arrivals, max_wait_s=max_wait_s
    )

    assert len(arrivals) == len(granted) + refused
    for calls, window_s in SPOTIFY_WINDOWS:
        assert busiest(granted, window_s) <= calls
    assert busiest(granted, 60.0) <= 180


@settings(max_examples=40, deadline=None)
@given(
    arrivals=st.lists(st.integers(0, 80).map(lambda tenths: tenths / 4), max_size=40),
    max_wait_s=st.sampled_from([0.0, 1.0, 5.0, 100.0]),
    windows=st.sampled_from([((3, 4.0),), ((5, 6.0), (2, 1.0)), ((1, 0.5),)]),
)
async def test_never_more_than_any_small_limit(
    arrivals: list[float], max_wait_s: float, windows: tuple[tuple[int, float], ...]
) -> None:
    """Small windows and equal instants find what large ones hide."""
    clock = SteppedClock()
    granted, _ = await grants(
        MemoryLimiter(windows, clock=clock), clock, arrivals, max_wait_s=max_wait_s
    )

    for calls, window_s in windows:
        assert not granted or busiest(granted, window_s) <= calls


async def test_flood_uses_the_whole_limit(clock: SteppedClock) -> None:
    """Callers that always want more get 180 a window of 61 s, no less."""
    granted, refused = await grants(MemoryLimiter(clock=clock), clock, [0.0] * 541, max_wait_s=1e6)

    assert 0 == refused
    assert pytest.approx(183.0) == granted[540]
    assert 180 == busiest(granted, 60.0)


async def test_slots_go_out_in_order_of_arrival(clock: SteppedClock) -> None:
    """Nobody is overtaken."""
    limiter = MemoryLimiter(((1, 1.0),), clock=clock)
    order: list[int] = []

    async def caller(number: int) -> None:
        await limiter.acquire(max_wait_s=100)
        order.append(number)

    await clock.run(asyncio.gather(*[caller(number) for number in range(20)]))

    assert list(range(20)) == order


async def test_refusal_writes_nothing_and_tells_the_wait(clock: SteppedClock) -> None:
    """A thousand refusals later the next slot is where it was."""
    limiter = MemoryLimiter(((1, 10.0),), clock=clock)
    await limiter.acquire(max_wait_s=0)
    await clock.step(4)

    for user in [None, *range(999)]:
        with pytest.raises(LimiterBusy) as refused:
            await limiter.acquire(max_wait_s=5.9, user=user)
        assert 6.0 == refused.value.retry_after_s
    await clock.run(limiter.acquire(max_wait_s=6))

    assert 10.0 == clock.monotonic()
    assert (503, "limiter_busy") == (refused.value.status, refused.value.code)


async def test_stale_slot_is_discarded_and_reserved_again(clock: SteppedClock) -> None:
    """A process frozen past its slot may not call at once: others' windows have moved."""
    limiter = MemoryLimiter(((1, 10.0),), clock=clock)
    await limiter.acquire(max_wait_s=0)
    late = asyncio.ensure_future(limiter.acquire(max_wait_s=60))
    await clock.step(1)

    clock.jump(13)  # its slot was at 10, now it is 14
    await clock.step(0)
    at_once = late.done()
    await clock.run(late)

    assert not at_once
    assert 20.0 == clock.monotonic()


async def test_slot_late_within_the_margin_is_used(clock: SteppedClock) -> None:
    """A busy loop wakes everyone a little late."""
    limiter = MemoryLimiter(((1, 10.0),), clock=clock)
    await limiter.acquire(max_wait_s=0)
    late = asyncio.ensure_future(limiter.acquire(max_wait_s=60))
    await clock.step(1)

    clock.jump(9.4)
    await clock.step(0)

    assert late.done()
    await late


async def test_stale_slot_beyond_the_deadline_is_refused(clock: SteppedClock) -> None:
    """Reserving again does not stretch what the caller would wait."""
    limiter = MemoryLimiter(((1, 10.0),), clock=clock)
    await limiter.acquire(max_wait_s=0)
    late = asyncio.ensure_future(limiter.acquire(max_wait_s=10))
    await clock.step(1)

    clock.jump(15)

    with pytest.raises(LimiterBusy) as refused:
        await clock.run(late)
    assert pytest.approx(4.0) == refused.value.retry_after_s


async def test_primed_calls_count(clock: SteppedClock) -> None:
    """A restart does not start a fresh window."""
    limiter = MemoryLimiter(clock=clock)
    limiter.prime([age / 4 for age in range(200)])

    with pytest.raises(LimiterBusy) as refused:
        await limiter.acquire(max_wait_s=CEILING_S)
    await clock.run(limiter.acquire(max_wait_s=20))

    assert 61 - 179 / 4 == refused.value.retry_after_s
    assert 61 - 179 / 4 == clock.monotonic()


async def test_calls_primed_long_ago_cost_nothing(clock: SteppedClock) -> None:
    """What happened before the window is over."""
    limiter = MemoryLimiter(clock=clock)
    limiter.prime([120.0] * 180)

    await limiter.acquire(max_wait_s=0)

    assert 0.0 == clock.monotonic()


async def test_greedy_user_does_not_hold_up_another(clock: SteppedClock) -> None:
    """Forty tasks of one user against two of another: both get about half."""
    limiter = MemoryLimiter(((30, 2.0), (1, 0.05)), clock=clock)
    got = {1: 0, 2: 0}

    async def caller(user: int) -> None:
        while clock.monotonic() < 20:
            try:
                await limiter.acquire(max_wait_s=2, user=user)
            except LimiterBusy as busy:
                await clock.sleep(busy.retry_after_s or 0.1)
            else:
                got[user] += 1

    await clock.run(asyncio.gather(*[caller(1) for _ in range(40)], caller(2), caller(2)))

    assert 250 < got[1] + got[2]
    assert got[2] > 0.4 * (got[1] + got[2])


async def test_wait_for_a_place_counts_against_the_ceiling(clock: SteppedClock) -> None:
    """The last of a user's calls gives up after its own 25 s, while others still wait."""
    limiter = MemoryLimiter(((1, 8.0),), clock=clock)
    await limiter.acquire(max_wait_s=0, user=1)
    ends: list[tuple[bool, float]] = []

    async def caller(max_wait_s: float) -> None:
        try:
            await limiter.acquire(max_wait_s=max_wait_s, user=1)
            ends.append((True, clock.monotonic()))
        except LimiterBusy:
            ends.append((False, clock.monotonic()))

    await clock.run(asyncio.gather(*[caller(wait_s) for wait_s in [100, 100, 100, 100, 100, 25]]))

    assert [(True, 8), (True, 16), (True, 24), (False, 25), (True, 32), (True, 40)] == ends


async def test_no_user_is_remembered_after_the_last_call(clock: SteppedClock) -> None:
    """Granted, refused, timed out or cancelled: the queues end up empty."""
    limiter = MemoryLimiter(((1, 4.0),), clock=clock)
    tasks = [
        asyncio.ensure_future(limiter.acquire(max_wait_s=wait_s, user=n % 3))
        for n, wait_s in enumerate([100, 30, 30, 30, 30, 30, 60, 60, 60, 60, 60, 9] * 2)
    ]
    await clock.step(1)
    assert limiter._queues
    for task in tasks[3::4]:
        task.cancel()
    await clock.run(asyncio.gather(*tasks, return_exceptions=True))

    assert {} == limiter._queues


async def test_place_handed_to_a_cancelled_caller_goes_on_to_the_next(clock: SteppedClock) -> None:
    """Cancelled in the very turn it got its place, a caller does not take it along."""
    queue = _Queue(clock)
    assert await queue.enter(0)
    assert await queue.enter(0)
    third, fourth = (asyncio.ensure_future(queue.enter(60)) for _ in range(2))
    await clock.step(1)

    queue.leave()
    third.cancel()
    await clock.step(1)

    assert third.cancelled()
    assert await fourth

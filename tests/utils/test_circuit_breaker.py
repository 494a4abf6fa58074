"""A failing service is left alone, and tried by one caller at a time."""

import asyncio
from collections.abc import Iterator

import pytest

from src.utils.circuit_breaker import (
    BreakerOpen,
    BreakerRegistry,
    CircuitBreaker,
    get_circuit_breaker,
    use_registry,
)
from src.utils.entropy import SeededEntropy
from tests.utils.stepped_clock import SteppedClock


class Outage(Exception):
    """What a caller sees when the service is down."""


@pytest.fixture
def clock() -> SteppedClock:
    """Time of one test."""
    return SteppedClock()


@pytest.fixture
def breaker(clock: SteppedClock) -> CircuitBreaker:
    """A closed breaker with the figures of production."""
    return CircuitBreaker("spotify_api", clock=clock, entropy=SeededEntropy("breaker"))


async def report(breaker: CircuitBreaker, *verdicts: bool | None) -> None:
    """Make one call for each verdict: true answered, false failed, None neutral."""
    for verdict in verdicts:
        async with breaker.guard() as permit:
            if verdict is not None:
                (permit.answered if verdict else permit.failed)()


async def trip(breaker: CircuitBreaker) -> float:
    """Open the breaker; return the rest in seconds."""
    await report(breaker, *[False] * 10)
    return breaker.get_stats()["retry_after_s"]


async def test_opens_at_ten_calls_and_not_before(breaker: CircuitBreaker) -> None:
    """Nine failures in a row prove too little."""
    await report(breaker, *[False] * 9)
    before = breaker.get_stats()
    await report(breaker, False)

    assert ("closed", 9, 9, 1.0) == (
        before["state"],
        before["calls"],
        before["failures"],
        before["failure_rate"],
    )
    assert "open" == breaker.get_stats()["state"]


async def test_opens_at_half_failed_and_not_below(breaker: CircuitBreaker) -> None:
    """A bad tenth or third is no outage; half is."""
    await report(breaker, *[True] * 11, *[False] * 10)
    below = breaker.get_stats()
    await report(breaker, False)

    assert "closed" == below["state"]
    assert pytest.approx(10 / 21) == below["failure_rate"]
    assert "open" == breaker.get_stats()["state"]


async def test_outcomes_leave_the_window_after_thirty_seconds(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """Failures of half a minute ago do not count against the service."""
    await report(breaker, *[False] * 9)
    await clock.step(30)
    await report(breaker, False)

    assert (1, 1) == (breaker.get_stats()["calls"], breaker.get_stats()["failures"])
    assert "closed" == breaker.get_stats()["state"]


async def test_neutral_calls_prove_nothing(breaker: CircuitBreaker) -> None:
    """Refusals of our own and bare exceptions count neither way."""
    for _ in range(50):
        with pytest.raises(Outage):
            async with breaker.guard():
                raise Outage

    assert 0 == breaker.get_stats()["calls"]
    assert "closed" == breaker.get_stats()["state"]


async def test_verdict_counts_when_the_call_also_raises(breaker: CircuitBreaker) -> None:
    """The wire reports and raises; the report stands."""

    async def attempt() -> None:
        async with breaker.guard() as permit:
            permit.failed()
            raise Outage

    for _ in range(10):
        with pytest.raises(Outage):
            await attempt()

    assert "open" == breaker.get_stats()["state"]


async def test_open_breaker_refuses_and_says_when_to_return(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """The first rest is 15 s give or take a fifth, and the refusal counts down."""
    rest_s = await trip(breaker)
    await clock.step(2)

    with pytest.raises(BreakerOpen) as refused:
        await report(breaker, True)

    assert 12 <= rest_s <= 18
    assert pytest.approx(rest_s - 2) == refused.value.retry_after_s
    assert (503, "breaker_open") == (refused.value.status, refused.value.code)
    assert 1 == breaker.get_stats()["rejected"]


@pytest.mark.parametrize("healthy", [False, True])
async def test_hundred_callers_at_half_open_make_one_probe(
    breaker: CircuitBreaker, clock: SteppedClock, healthy: bool
) -> None:
    """One reaches the wire while it takes 50 ms; 99 are refused."""
    await clock.step(await trip(breaker))
    assert "half_open" == breaker.get_stats()["state"]
    at_wire = 0

    async def call() -> None:
        nonlocal at_wire
        async with breaker.guard() as permit:
            at_wire += 1
            await clock.sleep(0.05)
            (permit.answered if healthy else permit.failed)()

    callers = asyncio.gather(*[call() for _ in range(100)], return_exceptions=True)
    results = await clock.run(callers)

    assert 1 == at_wire
    refusals = [each for each in results if isinstance(each, BreakerOpen)]
    assert 99 == len(refusals) == breaker.get_stats()["rejected"]
    assert all(0 < (each.retry_after_s or 0) <= 15 for each in refusals)
    assert ("closed" if healthy else "open") == breaker.get_stats()["state"]


async def test_rests_double_to_a_minute_and_start_anew_after_recovery(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """15, 30, 60, 60 s, each a fifth more or less; a success forgets the trips."""
    rests = [await trip(breaker)]
    for _ in range(40):
        await clock.step(rests[-1])
        await report(breaker, False)
        rests.append(breaker.get_stats()["retry_after_s"])
    trips = breaker.get_stats()["consecutive_trips"]
    await clock.step(rests[-1])
    await report(breaker, True)

    for rest_s, expected_s in zip(rests, [15, 30] + [60] * 39, strict=True):
        assert 0.8 * expected_s <= rest_s <= 1.2 * expected_s
    assert len({round(rest_s, 6) for rest_s in rests}) > 30
    assert 41 == trips
    assert 0 == breaker.get_stats()["consecutive_trips"]
    assert await trip(breaker) <= 18


async def test_neutral_probe_hands_over_at_once(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """A probe refused by the budget or cancelled frees the place for the next caller."""
    await clock.step(await trip(breaker))
    await report(breaker, None)
    still = breaker.get_stats()["state"]
    await report(breaker, True)

    assert "half_open" == still
    assert "closed" == breaker.get_stats()["state"]


async def test_cancelled_probe_hands_over(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    """Cancelling the task that probes leaves no claim behind."""
    await clock.step(await trip(breaker))

    async def probe() -> None:
        async with breaker.guard():
            await clock.sleep(20)

    task = asyncio.ensure_future(probe())
    await clock.step(1)
    task.cancel()
    await clock.step(0)
    await report(breaker, True)

    assert "closed" == breaker.get_stats()["state"]


async def test_silent_probe_lapses_after_thirty_five_seconds(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """A probe that hangs blocks nobody for ever, and its late verdict moves nothing."""
    await clock.step(await trip(breaker))
    async with breaker.guard() as lost:
        await clock.step(34.9)
        with pytest.raises(BreakerOpen):
            await report(breaker, True)
        assert lost.still_current()
        await clock.step(0.2)
        assert not lost.still_current()
        await report(breaker, True)
        lost.failed()

    assert "closed" == breaker.get_stats()["state"]
    assert 0 == breaker.get_stats()["calls"]


async def test_stragglers_from_before_the_trip_neither_close_nor_reopen(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """Calls that began while it was closed end without a say."""
    async with breaker.guard() as early, breaker.guard() as late:
        assert early.still_current()
        rest_s = await trip(breaker)
        assert not early.still_current()
        early.answered()
        late.failed()

    assert "open" == breaker.get_stats()["state"]
    assert rest_s == breaker.get_stats()["retry_after_s"]


async def test_stragglers_do_not_decide_for_the_probe(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """Old failures that trickle in while the probe is out, or after it, change nothing."""
    async with breaker.guard() as second, breaker.guard() as first:
        await clock.step(await trip(breaker))
        async with breaker.guard() as probe:
            first.failed()
            probe.answered()
        second.failed()

    assert ("closed", 0) == (breaker.get_stats()["state"], breaker.get_stats()["calls"])


async def test_hint_rests_no_longer_than_our_own_longest(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """An hour asked for by another process costs one minute here."""
    taken = breaker.rest_until(clock.monotonic() + 3600)

    assert taken
    assert ("open", 60.0) == (breaker.get_stats()["state"], breaker.get_stats()["retry_after_s"])


async def test_stuck_hint_is_taken_once(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    """Read again and again, with the jitter of its round trip, it locks nobody out."""
    ends_s = clock.monotonic() + 3600
    breaker.rest_until(ends_s)
    await clock.step(60)
    await report(breaker, True)

    assert not any(breaker.rest_until(ends_s + late_s) for late_s in (-0.5, 0.0, 0.02, 0.9))
    assert "closed" == breaker.get_stats()["state"]
    assert breaker.rest_until(ends_s + 30)


async def test_hint_neither_shortens_a_rest_nor_disturbs_a_probe(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    """What this process found out itself is worth more."""
    rest_s = await trip(breaker)
    shorter = breaker.rest_until(clock.monotonic() + 3)
    past = breaker.rest_until(clock.monotonic() - 1)
    await clock.step(rest_s)
    async with breaker.guard() as probe:
        disturbed = breaker.rest_until(clock.monotonic() + 30)
        probe.answered()

    assert (False, False, False) == (shorter, past, disturbed)
    assert "closed" == breaker.get_stats()["state"]


async def test_hint_lengthens_a_rest(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    """A process that rests longer is followed."""
    await trip(breaker)

    assert breaker.rest_until(clock.monotonic() + 40)
    assert 40.0 == breaker.get_stats()["retry_after_s"]


def test_registry_keeps_one_breaker_a_name(clock: SteppedClock) -> None:
    """Rooms that name the same service share its breaker."""
    registry = BreakerRegistry(clock, SeededEntropy(1))

    assert registry.get("spotify_api") is registry.get("spotify_api")
    assert registry.get("spotify_accounts") is not registry.get("spotify_api")
    assert ["spotify_accounts", "spotify_api"] == [each["name"] for each in registry.stats()]


def test_bounded_registry_forgets_the_one_unused_longest(clock: SteppedClock) -> None:
    """Thousands of feed hosts do not fill memory."""
    registry = BreakerRegistry(clock, SeededEntropy(1), limit=2)
    first = registry.get("a")
    registry.get("b")
    registry.get("a")
    registry.get("c")

    assert ["a", "c"] == [each["name"] for each in registry.stats()]
    assert first is registry.get("a")


@pytest.fixture
def fresh_process() -> Iterator[None]:
    """A process that has asked for no breaker yet."""
    use_registry(None)
    yield
    use_registry(None)


@pytest.mark.usefixtures("fresh_process")
def test_process_serves_the_registry_it_was_given(clock: SteppedClock) -> None:
    """The name of the specification finds the breaker the client uses."""
    registry = BreakerRegistry(clock, SeededEntropy(1))
    use_registry(registry)

    assert registry.get("spotify_api") is get_circuit_breaker("spotify_api")


@pytest.mark.usefixtures("fresh_process")
async def test_process_without_registry_runs_on_the_machine_clock() -> None:
    """A script may ask without any set-up, and gets the same one each time."""
    breaker = get_circuit_breaker("spotify_api")
    await report(breaker, *[False] * 10)

    assert breaker is get_circuit_breaker("spotify_api")
    stats = get_circuit_breaker("spotify_api").get_stats()
    assert "open" == stats["state"]
    assert 0 < stats["retry_after_s"] <= 18

"""Who may call when: budget, breaker, quota and limiter, around calls that wait."""

import asyncio

import pytest

from src.runtime import Runtime
from src.spotify.calls import Call, Reply
from src.spotify.errors import (
    CallCapReached,
    QuotaExhausted,
    SpotifyBusy,
)
from src.spotify.pace import Pace
from src.spotify.quota import Quota
from src.spotify.senders import paced, parking, pooled, still_wanted
from src.spotify.service import Spotify
from src.utils.circuit_breaker import BreakerOpen, get_circuit_breaker
from tests.spotify.fault_server import FaultServer, hang, refusal
from tests.spotify.wire_parts import ONE_ENGINE, Room, call_to, settings_for
from tests.utils.stepped_clock import SteppedClock

pytestmark = ONE_ENGINE


async def test_one_of_a_hundred_tries_a_service_that_may_be_back(room: Room) -> None:
    """When the rest ends one call goes out; the others are told to come back."""
    breaker = get_circuit_breaker("spotify_api")
    breaker.rest_until(room.clock.monotonic() + 10)
    room.budget.max_calls = 1000
    await room.clock.step(11)

    calls = [room.client.profile() for _ in range(100)]
    results = await room.clock.run(asyncio.gather(*calls, return_exceptions=True))

    assert 1 == len(room.server.paths)
    assert 99 == sum(isinstance(result, BreakerOpen) for result in results)


async def test_a_call_that_queued_while_the_breaker_tripped_is_not_made(room: Room) -> None:
    """The permit is looked at again after the wait for a turn."""
    room.budget.max_calls = 1000
    for _ in range(12):
        await room.clock.run(room.client.profile())
    queued = asyncio.ensure_future(room.client.profile())
    await room.clock.step(0.5)

    get_circuit_breaker("spotify_api").rest_until(room.clock.monotonic() + 30)
    with pytest.raises(BreakerOpen) as caught:
        await room.clock.run(queued)

    assert 12 == len(room.server.paths)
    assert (caught.value.retry_after_s or 0) > 0
    assert 12 == room.budget.calls


async def test_a_call_that_queued_while_the_account_was_parked_is_not_made(room: Room) -> None:
    """What is known in memory stops it, before the database is asked."""
    room.budget.max_calls = 1000
    for _ in range(12):
        await room.clock.run(room.client.profile())
    queued = asyncio.ensure_future(room.client.profile())
    await room.clock.step(0.5)

    await room.spotify.quota.park("show_pages", retry_after_s=600)
    with pytest.raises(QuotaExhausted):
        await room.clock.run(queued)

    assert 12 == len(room.server.paths)


async def test_a_call_refused_because_of_a_park_does_not_lengthen_it(room: Room) -> None:
    """Only Spotify's own word parks; a second call that finds the account parked adds nothing."""
    quota, sent = room.spotify.quota, []

    async def never(call: Call) -> Reply:
        sent.append(call)
        raise AssertionError("sent")

    async def parked_meanwhile(call: Call) -> Reply:
        await quota.park("show_pages", retry_after_s=600)
        return await last_look(call)

    breaker = get_circuit_breaker("spotify_api")
    last_look = still_wanted(parking(never, quota=quota), breaker=breaker, quota=quota)
    pace = Pace(room.runtime, quota=quota, calls_per_minute=180)
    with pytest.raises(QuotaExhausted) as caught:
        await pooled(parked_meanwhile, quota=quota, pace=pace, clock=room.clock)(
            call_to(room.server.url, room.user_id, bucket="other")
        )
    state = await quota.state()

    assert [] == sent
    assert state.parked_until is not None
    left_s = (state.parked_until - room.clock.now()).total_seconds()
    assert left_s == caught.value.retry_after_s


async def test_the_budget_stops_before_the_wire(room: Room) -> None:
    """Retries count too: of two allowed attempts the second is the last."""
    room.budget.max_calls = 2
    room.server.always = refusal(500)

    with pytest.raises(CallCapReached):
        await room.clock.run(room.client.profile())

    assert 2 == len(room.server.paths)
    assert 0 == room.budget.left


async def test_a_cancelled_call_gives_its_reservation_back(room: Room) -> None:
    """What was sent counts; nothing stays held."""
    arrived = asyncio.Event()
    room.server.always, room.server.during = hang, arrived.set
    sending = asyncio.ensure_future(room.client.profile())
    await arrived.wait()

    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    assert 49 == room.budget.left
    assert [("spotify_api", "cancelled", 100)] == await room.costs()


async def test_a_new_process_counts_what_the_last_one_sent(
    room: Room, clock: SteppedClock, server: FaultServer
) -> None:
    """A restart does not begin with an empty minute: the ledger primes the limiter."""
    settings = settings_for(server.url, spotify_calls_per_minute=4)
    first, second = (Spotify.open(room.runtime, settings) for _ in range(2))
    sent: list[float] = []
    server.during = lambda: sent.append(clock.monotonic())

    for spotify in (first, first, first, second, second):
        await clock.run(spotify.client.for_user(room.user_id, room.budget).profile())
    await first.close()
    await second.close()

    assert sent[4] >= sent[0] + 61


async def test_a_new_process_counts_what_was_under_way_when_the_last_one_was_killed(
    room: Room, clock: SteppedClock, server: FaultServer
) -> None:
    """A call cut off by a kill may have arrived: it has no cost entry, but takes its turn."""
    settings = settings_for(server.url, spotify_calls_per_minute=4)
    first, second = (Spotify.open(room.runtime, settings) for _ in range(2))
    sent: list[float] = []
    server.during = lambda: sent.append(clock.monotonic())
    await clock.run(first.client.for_user(room.user_id, room.budget).profile())
    await clock.step(5)
    for _ in range(3):
        await first.quota.take("other")
    killed_at = clock.monotonic()

    for _ in range(2):
        await clock.run(second.client.for_user(room.user_id, room.budget).profile())
    await first.close()
    await second.close()

    assert sent[1] >= sent[0] + 61
    assert sent[2] >= killed_at + 61


class SlowQuota(Quota):
    """The allowance in a database that answers after two seconds."""

    async def take(self, bucket: str) -> None:
        """Count a call, late."""
        self._runtime.clock.jump(2)  # type: ignore[attr-defined]
        await super().take(bucket)


async def test_a_call_that_a_slow_database_held_up_takes_another_turn(
    room: Room, clock: SteppedClock
) -> None:
    """Counting comes after the turn; if it takes long, the window may be full by then."""
    quota = SlowQuota(room.runtime, account="slow", show_pages_per_day=500)
    pace = Pace(room.runtime, quota=quota, calls_per_minute=1)
    sent: list[float] = []

    async def wire(call: Call) -> Reply:
        del call
        sent.append(clock.monotonic())
        return Reply(200, {}, None)

    send = paced(pooled(wire, quota=quota, pace=pace, clock=clock), pace=pace)
    await clock.run(send(call_to(room.server.url, room.user_id, bucket="other", deadline=600)))

    assert [61.0] == sent


async def test_background_work_waits_its_turn(
    room: Room, clock: SteppedClock, server: FaultServer
) -> None:
    """Forty calls in a row stay under the burst limits, and none is refused."""
    sent: list[float] = []
    server.during = lambda: sent.append(clock.monotonic())

    for _ in range(40):
        await clock.run(room.client.profile())

    assert 40 == len(sent)
    assert all(later - early >= 2.2 for early, later in zip(sent, sent[12:], strict=False))


async def test_a_click_does_not_wait_for_long(
    room: Room, clock: SteppedClock, server: FaultServer
) -> None:
    """Whoever waits in person is told to come back rather than kept."""
    spotify = Spotify.open(room.runtime, settings_for(server.url, spotify_calls_per_minute=2))
    client = spotify.client.for_user(room.user_id, room.budget, interactive=True)
    for _ in range(2):
        await clock.run(client.profile())

    with pytest.raises(SpotifyBusy) as caught:
        await clock.run(client.profile())
    await spotify.close()

    assert (caught.value.retry_after_s or 0) > 10
    assert 2 == len(server.paths)


async def slowed(room: Room, retry_after: str) -> asyncio.Future[object]:
    """Let a call be told to slow down; return it, waiting to try again."""
    room.server.answers.append(refusal(429, retry_after=retry_after))
    call: asyncio.Future[object] = asyncio.ensure_future(room.client.profile())
    while not await room.costs():
        await asyncio.wait({call}, timeout=0.01)
    return call


async def test_everybody_rests_when_one_call_is_told_to_slow_down(room: Room) -> None:
    """The next call waits as long as Spotify asked, so that only one was refused."""
    first = await slowed(room, "5")

    await room.clock.run(room.client.profile())
    rested_s = room.clock.monotonic()
    await room.clock.run(first)

    assert 5 <= rested_s < 6
    assert ["spotify_slowed", "ok", "ok"] == [cost[1] for cost in await room.costs()]


async def test_a_person_does_not_sit_through_a_long_rest(room: Room) -> None:
    """More than ten seconds are told at once, and nothing is sent."""
    first = await slowed(room, "20")
    client = room.spotify.client.for_user(room.user_id, room.budget, interactive=True)

    with pytest.raises(SpotifyBusy) as caught:
        await room.clock.run(client.profile())
    await room.clock.run(first)

    assert 19 < (caught.value.retry_after_s or 0) <= 20
    assert 2 == len(room.server.paths)


async def test_a_rest_ends_after_half_a_minute(room: Room) -> None:
    """However long Spotify asks: a longer wait is the schedule's, which comes back later."""
    first = await slowed(room, "50")
    with pytest.raises(SpotifyBusy):
        await first

    await room.clock.run(room.client.profile())

    assert 30 <= room.clock.monotonic() < 31


async def test_a_call_that_has_its_turn_already_in_sight_rests_too(
    runtime: Runtime, clock: SteppedClock, room: Room
) -> None:
    """A rest that begins while calls wait for their slots holds for them as well."""
    pace = Pace(runtime, quota=room.spotify.quota, calls_per_minute=180)
    call = call_to("http://127.0.0.1", room.user_id)
    for _ in range(12):
        await pace.turn(call)
    waiting = asyncio.ensure_future(pace.turn(call))
    await asyncio.sleep(0)

    pace.rest(4)
    await clock.run(waiting)

    assert 4 <= clock.monotonic() < 5

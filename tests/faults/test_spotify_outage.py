"""Spotify fails, slows down, closes its doors or takes a grant back while users are synced.

In one process and on one stepped clock, since some of it lasts for hours.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from simulator.faults.board import Fault, Kind
from simulator.settings import Settings as World
from src.cost_tracking.ledger import NOT_SENT
from src.cost_tracking.models import CostEntry
from src.runtime import Runtime
from src.spotify.library_models import Episode, SavedShow
from src.spotify.models import ConnectionState, Outcome, SpotifyConnection, SyncRun, SyncSchedule
from src.spotify.outcomes import GOT_THROUGH
from src.utils.types import UserId
from tests.faults.in_process import InProcess
from tests.utils.stepped_clock import SteppedClock

LISTENERS = 3
QUOTA_S = 5 * 3_600
PARKED_AT_MOST = timedelta(seconds=QUOTA_S + 600)
OUTAGE_ATTEMPTS = 20
CALLS_A_MINUTE = 30
TRIES = 10


@pytest.fixture(params=["sqlite"])
def database_urls(request: pytest.FixtureRequest) -> object:
    """These faults are Spotify's: one database will do."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[InProcess]:
    """A small world, with nobody connected yet."""
    world = World(epoch=clock.now(), shows=60, listeners=LISTENERS, shows_per_listener=10)
    stage = InProcess.open(runtime, clock, world)
    yield stage
    await stage.spotify.close()


async def test_storm_of_502_delays_and_loses_nothing(stage: InProcess) -> None:
    """With every third answer a 502 the first sync ends some runs later, whole and accounted."""
    user_id = await stage.connect()
    stage.simulator.faults.add(Fault(Kind.BAD_GATEWAY, path="/v1/*", rate=0.35))

    runs = await _until_synced(stage, user_id)

    assert runs[-1].outcome in GOT_THROUGH
    stage.simulator.faults.clear()
    await stage.ask(user_id)
    await stage.sync(user_id)
    await _check_books(stage, user_id)


async def test_outage_costs_few_attempts_and_passes(stage: InProcess) -> None:
    """While nothing answers a run gives up soon; the one after the recovery gets through."""
    user_id = await stage.connect()
    stage.simulator.faults.add(Fault(Kind.OUTAGE, path="/v1/*", after=3))
    before = stage.simulator.requests.count("api")

    failed = await stage.sync(user_id)

    assert failed.outcome in {Outcome.UNREACHABLE, Outcome.BREAKER_OPEN}
    assert OUTAGE_ATTEMPTS >= stage.simulator.requests.count("api") - before
    assert {} == await stage.claims()
    stage.simulator.faults.clear()
    runs = await _until_synced(stage, user_id)
    assert runs[-1].outcome in GOT_THROUGH
    await _check_books(stage, user_id)


async def test_refused_connections_cost_nothing_and_pass(stage: InProcess) -> None:
    """What never left this machine is written down, and priced at nothing."""
    user_id = await stage.connect()
    arrived = stage.simulator.requests.count("api")
    stage.transport.refuses = True

    failed = await stage.sync(user_id)

    assert Outcome.UNREACHABLE == failed.outcome
    assert (0, 0) == (failed.calls, failed.cost_micro)
    assert arrived == stage.simulator.requests.count("api")
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        unsent = await session.scalar(
            select(func.count()).where(CostEntry.user_id == user_id, CostEntry.outcome == NOT_SENT)
        )
    assert unsent
    stage.transport.refuses = False
    runs = await _until_synced(stage, user_id)
    assert runs[-1].outcome in GOT_THROUGH
    await _check_books(stage, user_id)


async def test_quota_parks_everybody_across_a_restart_until_it_lifts(stage: InProcess) -> None:
    """One 429 for all: no user is claimed before the hour Spotify named, whoever asks."""
    users = [await stage.connect(listener) for listener in range(LISTENERS)]
    fences = await stage.claims()
    stage.simulator.faults.add(
        Fault(Kind.QUOTA, path="/v1/shows/*", after=4, times=1, value=QUOTA_S)
    )

    parked = await stage.clock.run(
        asyncio.gather(*(stage.run(user_id, fences[user_id]) for user_id in users))
    )

    assert {Outcome.QUOTA_PARKED} == {run.outcome for run in parked}
    refused = [one for one in stage.simulator.requests if one.status == 429]
    assert 1 == len(refused)

    restarted = stage.restarted()
    await restarted.ask(users[0])
    seen = restarted.simulator.requests.count("api")
    assert {} == await restarted.claims()
    await stage.clock.step(QUOTA_S - 60)
    assert {} == await restarted.claims()
    assert seen == restarted.simulator.requests.count("api")

    await stage.clock.step(PARKED_AT_MOST.total_seconds() - QUOTA_S + 60)
    for user_id in users:
        assert {(await _until_synced(restarted, user_id))[-1].outcome} <= GOT_THROUGH
        await _check_books(restarted, user_id)


async def test_revoked_grant_parks_that_user_alone(stage: InProcess) -> None:
    """Taken back in mid-sync: that schedule stops and keeps its data; the others go on."""
    users = [await stage.connect(listener) for listener in range(LISTENERS)]
    fences = await stage.claims()
    stage.simulator.faults.add(Fault(Kind.REVOKE, listener=0, after=5, times=1))

    lost, *others = await stage.clock.run(
        asyncio.gather(*(stage.run(user_id, fences[user_id]) for user_id in users))
    )

    assert Outcome.RECONNECT_NEEDED == lost.outcome
    assert {run.outcome for run in others} <= GOT_THROUGH
    async with stage.runtime.database.transaction(users[0], write=False) as session:
        connection = await session.get_one(SpotifyConnection, users[0])
        schedule = await session.get_one(SyncSchedule, users[0])
        kept = list(await session.scalars(select(SavedShow.show_id)))
    assert ConnectionState.RECONNECT_NEEDED == connection.state
    assert not schedule.active
    assert kept
    refreshes = stage.simulator.requests.refreshes()
    assert 1 == sum(refreshes.values())

    await stage.clock.step(24 * 3_600)
    assert set(users[1:]) == set(await stage.claims())


async def test_limit_a_minute_holds_across_restarts(runtime: Runtime, clock: SteppedClock) -> None:
    """A process that dies is followed by one that knows what was sent in the last minute."""
    world = World(epoch=clock.now(), shows=60, listeners=LISTENERS, shows_per_listener=10)
    stage = InProcess.open(runtime, clock, world, spotify_calls_per_minute=CALLS_A_MINUTE)
    for listener in range(LISTENERS):
        user_id = await stage.connect(listener)
        await stage.sync(user_id)
        stage = stage.restarted()

    requests = stage.simulator.requests

    assert requests.count("api") > CALLS_A_MINUTE
    assert CALLS_A_MINUTE >= requests.most_in_any(60.0)


async def _until_synced(stage: InProcess, user_id: UserId) -> list[SyncRun]:
    """Run the user's syncs as they fall due, until one gets through; return all reports."""
    runs: list[SyncRun] = []
    for _ in range(TRIES):
        async with stage.runtime.database.transaction(user_id, write=False) as session:
            schedule = await session.get_one(SyncSchedule, user_id)
        wait = schedule.next_sync_at - stage.clock.now()
        await stage.clock.step(max(0.0, wait.total_seconds()))
        runs.append(await stage.sync(user_id))
        if runs[-1].outcome in GOT_THROUGH:
            return runs
    raise AssertionError(f"no run got through: {[run.outcome for run in runs]}")


async def _check_books(stage: InProcess, user_id: UserId) -> None:
    """The library is the true one, and each of the user's requests is in the ledger once."""
    listener = int(stage.listeners[user_id])
    world, now = stage.simulator.world, stage.clock.now()
    async with stage.runtime.database.transaction(user_id, write=False) as session:
        shows = list(
            await session.scalars(select(SavedShow.show_id).where(SavedShow.user_id == user_id))
        )
        stored = set(await session.scalars(select(Episode.id)))
        recorded = await session.scalar(
            select(func.count()).where(
                CostEntry.user_id == user_id,
                CostEntry.service == "spotify_api",
                CostEntry.outcome != NOT_SENT,
            )
        )

    saved = world.saved_shows(listener, now)
    assert sorted(world.show(one.show).id for one in saved) == sorted(shows)
    newest_first = [one.show for one in saved if not world.show(one.show).oldest_first]
    for show in newest_first:
        newest = world.episode_numbers(show, now - timedelta(days=1), offset=0, limit=1)
        assert {world.episode(show, number).id for number in newest} <= stored
    assert recorded == stage.simulator.requests.count("api", listener=listener)

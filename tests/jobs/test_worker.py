"""The background work of one process, on a stepped clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from simulator.faults.board import Fault, Kind
from src.jobs import dispatcher, handlers, queries, worker
from src.jobs.drain import Drain
from src.jobs.worker import background, run_worker
from src.runtime import Runtime
from src.spotify.models import QuotaSlot, RunState, SyncRun, SyncSchedule
from src.spotify.queries.sync import Claim
from src.users.models import UserSession
from src.utils.types import UserId
from tests.factories import add_user
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world of three listeners."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=3))
    yield opened
    await opened.spotify.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait in real time: the queue's own timers know no other."""
    while not condition():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.01)


async def ended(stage: Stage, user_id: UserId, *, runs: int = 1) -> list[SyncRun]:
    """Wait until a user has that many ended runs, by the clock."""
    while True:
        rows = await select_rows(stage.runtime, SyncRun, user_id=user_id)
        found = [row for row in rows if row.state == RunState.ENDED]
        if len(found) >= runs:
            return found
        await stage.clock.sleep(1)


async def test_due_users_are_synced_and_again_after_the_interval(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker finds who is due, and comes back when they are due again."""
    # Looking every 2 s, as beside other processes, five hours are 9,000 questions.
    monkeypatch.setattr(dispatcher, "_LONGEST_WAIT_SHARED_S", 60.0)
    users = [await stage.connect(listener) for listener in range(3)]

    async def live() -> datetime:
        async with background(stage.spotify):
            for user_id in users:
                await ended(stage, user_id)
            await stage.clock.sleep(5 * 3600)
            for user_id in users:
                await ended(stage, user_id, runs=2)
            # Stopping may move the clock on to the next day's housekeeping.
            return stage.clock.now()

    seen_at = await stage.clock.run(live())

    for user_id in users:
        [schedule] = await select_rows(stage.runtime, SyncSchedule, user_id=user_id)
        assert schedule.last_ok_at is not None
        assert schedule.next_sync_at > seen_at - timedelta(hours=1)


async def test_request_wakes_a_sleeping_worker(stage: Stage) -> None:
    """With the bell, a request need not wait until the worker looks by itself."""
    user_id = await stage.connect()
    await stage.reschedule(user_id, next_sync_at=stage.clock.now() + timedelta(hours=3))

    async def live() -> timedelta:
        async with background(stage.spotify):
            await stage.clock.sleep(65)
            asked_at = stage.clock.now()
            await stage.reschedule(user_id, requested=True, next_sync_at=asked_at)
            stage.spotify.bell.ring()
            [run] = await ended(stage, user_id)
            assert run.started_at is not None
            return run.started_at - asked_at

    # Without the bell it would be the better part of a minute.
    assert await stage.clock.run(live()) <= timedelta(seconds=20)


async def test_one_users_trouble_delays_nobody(stage: Stage) -> None:
    """While one user's calls hang, another's run begins and ends."""
    slow, quick = await stage.connect(0), await stage.connect(1)
    stage.simulator.faults.add(Fault(Kind.SLOW, path="/v1/*", listener=0, value=8))
    await stage.reschedule(quick, next_sync_at=stage.clock.now() + timedelta(seconds=5))

    async def live() -> bool:
        async with background(stage.spotify):
            await ended(stage, quick)
            rows = await select_rows(stage.runtime, SyncRun, user_id=slow)
            still = rows[0].state == RunState.RUNNING
            await ended(stage, slow)
            return still

    assert await stage.clock.run(live())


async def test_stop_lets_runs_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run under way when the process stops ends within its grace."""
    monkeypatch.setattr(worker, "GRACE_S", 1e6)  # the clock runs ahead of a busy database
    user_id = await stage.connect()
    stop = asyncio.Event()

    async def live() -> None:
        working = asyncio.ensure_future(run_worker(stage.spotify, stop))
        while not await select_rows(stage.runtime, SyncRun, user_id=user_id):
            await stage.clock.sleep(0.01)
        stop.set()
        await working

    await stage.clock.run(live())

    [run] = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    assert RunState.ENDED == run.state


async def test_run_that_outlasts_its_grace_is_continued_by_the_next_process(stage: Stage) -> None:
    """What was cancelled at the stop goes on under the same run."""
    user_id = await stage.connect()
    slow = stage.simulator.faults.add(Fault(Kind.SLOW, path="/v1/*", value=9))
    stop = asyncio.Event()

    async def first() -> None:
        working = asyncio.ensure_future(run_worker(stage.spotify, stop))
        while not await select_rows(stage.runtime, SyncRun, user_id=user_id):
            await stage.clock.sleep(1)
        stop.set()
        await working

    await stage.clock.run(first())
    [broken] = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    stage.simulator.faults.remove(slow.id)

    async def second() -> list[SyncRun]:
        async with background(stage.spotify):
            return await ended(stage, user_id)

    [run] = await stage.clock.run(second())

    assert RunState.RUNNING == broken.state
    assert broken.id == run.id


async def test_worker_survives_what_it_did_not_expect(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error of the database the dispatcher begins again by itself."""
    user_id = await stage.connect()
    real, failures = dispatcher.claim_due, 2

    async def failing(*arguments: object) -> float:
        nonlocal failures
        if failures:
            failures -= 1
            raise OperationalError("select", {}, Exception("gone"))
        return await real(*arguments)  # type: ignore[arg-type]  # as handed in

    monkeypatch.setattr(dispatcher, "claim_due", failing)

    async def live() -> None:
        async with background(stage.spotify):
            await ended(stage, user_id)

    await stage.clock.run(live())

    assert 0 == failures


@pytest.mark.parametrize(
    ("due_in_s", "expected_s"), [(86_400, 21_600.0), (10_800, 10_800.0), (12, 12.0), (0.2, 1.0)]
)
async def test_dispatcher_sleeps_until_somebody_is_due(
    stage: Stage, due_in_s: float, expected_s: float
) -> None:
    """It looks again when there can be news; a shared database is looked at every 2 s."""
    user_id = await stage.connect()
    due_at = stage.clock.now() + timedelta(seconds=due_in_s)
    await stage.reschedule(user_id, next_sync_at=due_at)
    drain = Drain(partial(handlers.sync_user, stage.spotify), on_free=stage.spotify.bell.ring)

    wait_s = await dispatcher.claim_due(stage.spotify, drain)

    longest_s = 21_600.0 if stage.runtime.database.is_sqlite else 2.0
    assert min(expected_s, longest_s) == wait_s
    assert 0 == drain.held


async def test_drain_works_everything_off_and_stops_its_manager() -> None:
    """Claims put in while others are worked on are worked on too; then nothing is left."""
    done: list[int] = []
    gate = asyncio.Event()
    freed = 0

    async def work(claim: Claim) -> None:
        if claim.user_id == 1:
            await gate.wait()
        done.append(claim.user_id)

    def on_free() -> None:
        nonlocal freed
        freed += 1

    drain = Drain(work, on_free=on_free)
    await drain.put([Claim(UserId(1), 1)])
    await drain.put([Claim(UserId(2), 1), Claim(UserId(3), 1)])
    async with asyncio.timeout(10):
        await until(lambda: len(done) == 2)
        gate.set()
        await until(lambda: not drain.held)
        await drain.put([Claim(UserId(4), 1)])
        await until(lambda: not drain.held)
        await until(lambda: not drain.managers)

    assert [2, 3, 1, 4] == done
    assert 4 == freed


async def test_job_that_fails_gives_its_place_back() -> None:
    """An error in one job neither stops the queue nor keeps a place taken."""
    done: list[int] = []

    async def work(claim: Claim) -> None:
        if claim.user_id == 1:
            raise ValueError("planted")
        done.append(claim.user_id)

    drain = Drain(work, on_free=lambda: None)
    await drain.put([Claim(UserId(1), 1), Claim(UserId(2), 1)])
    async with asyncio.timeout(10):
        await until(lambda: not drain.held)

    assert [2] == done


async def test_housekeeping_sweeps_what_is_over(stage: Stage) -> None:
    """Expired sessions and old quota slots go, those in force stay; nobody has connected."""
    user_id = await add_user(stage.runtime, "ada")
    now = stage.clock.now()
    async with stage.runtime.database.transaction(user_id) as session:
        for name, expires_at in (("old", now), ("new", now + timedelta(days=1))):
            session.add(
                UserSession(
                    user_id=user_id,
                    token_hash=name,
                    created_at=now,
                    last_seen_at=now,
                    proved_at=now,
                    expires_at=expires_at,
                )
            )
    slots = {int(now.timestamp()) - 3 * 86_400: 1, int(now.timestamp()): 2}
    async with stage.runtime.database.shared(write=True) as session:
        for slot, used in slots.items():
            session.add(QuotaSlot(account="a", bucket="b", slot=slot, used=used))

    await stage.clock.run(handlers.maintain(stage.spotify))

    sessions = await select_rows(stage.runtime, UserSession, user_id=user_id)
    kept = await select_rows(stage.runtime, QuotaSlot, user_id=user_id)
    assert ["new"] == [row.token_hash for row in sessions]
    assert [2] == [row.used for row in kept if row.account == "a"]
    async with stage.runtime.database.scheduling() as session:
        assert [] == list(await queries.users_to_sweep_all_users(session, now=now))

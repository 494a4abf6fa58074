"""Runs that die anywhere, and the claims that keep two of them apart."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine, Generator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from src.cost_tracking.models import CostEntry
from src.runtime import Runtime
from src.spotify.errors import LeaseLost
from src.spotify.models import Outcome, QuotaBucket, RunState, Show, SyncRun, SyncSchedule
from src.spotify.planner import Allowance, Reason, ShowState, plan
from src.spotify.queries.sync import Claim, break_leases_all_users
from src.spotify.run_state import Run
from src.spotify.show_pages import miss
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


class Mortal:
    """Awaits a coroutine and cancels it at the given step; 0 never does."""

    def __init__(self, work: Coroutine[Any, Any, Any], *, dies_at: int = 0) -> None:
        self._work = work
        self._dies_at = dies_at
        self.steps = 0

    def __await__(self) -> Generator[Any, None, Any]:
        """Pass on what the coroutine waits for and what it is told, counting."""
        told: BaseException | None = None
        while True:
            self.steps += 1
            if self.steps == self._dies_at:
                told = asyncio.CancelledError()
            try:
                waited = self._work.throw(told) if told else self._work.send(None)
            except StopIteration as end:
                return end.value
            try:
                told = None
                yield waited
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
                told = error


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=6))
    yield opened
    await opened.spotify.close()


async def _live(stage: Stage, claim: Claim, *, dies_at: int = 0) -> tuple[SyncRun | None, int]:
    """Run a claim until it ends or dies; return the report, if any, and the steps it took."""
    mortal = Mortal(stage.work(claim), dies_at=dies_at)

    async def body() -> SyncRun | None:
        try:
            report: SyncRun = await mortal
        except asyncio.CancelledError:
            return None
        return report

    return await stage.clock.run(body()), mortal.steps


@pytest.mark.parametrize("attempt", range(8))
async def test_run_that_dies_anywhere_is_continued_without_loss(
    stage: Stage, attempt: int, fault_seed: int
) -> None:
    """The same run goes on, stores all once, and forgets none of the calls made before."""
    steps = 220 + 90 * attempt
    dies_at = Random(f"{fault_seed}:{attempt}").randrange(1, steps)
    user_id = await stage.connect()
    [claim] = await stage.claim()

    report, _ = await _live(stage, claim, dies_at=dies_at)
    runs_before = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    if report is None and runs_before and runs_before[0].state == RunState.ENDED:
        report = runs_before[0]  # it died when all was written, and has nothing to go on with
    if report is None:
        gc.collect()  # a dead process has no cursors left that keep its connections open
        await stage.clock.step(61)
        [claim] = await stage.claim()
        report, _ = await _live(stage, claim)

    assert report is not None
    runs = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    assert {report.id} == {run.id for run in [*runs_before, *runs]}
    assert Outcome.FAILED != report.outcome
    ledger = await select_rows(stage.runtime, CostEntry, user_id=user_id)
    sent = [entry for entry in ledger if entry.outcome != "not_sent"]
    assert len(sent) == report.calls
    assert stage.simulator.requests.count("api") <= report.calls <= 50
    for show_id, show in stage.true_shows(user_id).items():
        newest = set(stage.true_list(show)[:50])
        assert newest <= (await stage.episodes(user_id, show_id)).keys()


async def test_user_is_claimed_once_however_many_ask(stage: Stage) -> None:
    """Claims made at the same time never overlap."""
    for listener in range(4):
        await stage.connect(listener)

    found = await stage.clock.run(asyncio.gather(*(stage.claim(limit=2) for _ in range(6))))

    claims = [claim for claims in found for claim in claims]
    assert 4 == len(claims) == len({claim.user_id for claim in claims})


async def test_stale_claim_writes_nothing(stage: Stage) -> None:
    """Once somebody else has the claim, the first holder cannot store, end or renew."""
    user_id = await stage.connect()
    [stale] = await stage.claim()
    await stage.clock.step(61)
    [fresh] = await stage.claim()

    with pytest.raises(LeaseLost):
        await stage.clock.run(stage.work(stale))
    assert [] == await select_rows(stage.runtime, SyncRun, user_id=user_id)
    assert stale.fence + 1 == fresh.fence
    assert {} == await stage.shows(user_id)


async def test_holder_that_was_overtaken_midway_stops_at_its_next_write(stage: Stage) -> None:
    """A process that slept through its lease finds out before it stores anything more."""
    user_id = await stage.connect()
    [stale] = await stage.claim()
    _, steps = await _live(stage, stale, dies_at=150)
    assert 150 <= steps
    gc.collect()
    stored = (await select_rows(stage.runtime, SyncRun, user_id=user_id))[0].episodes_stored
    await stage.clock.step(61)
    [fresh] = await stage.claim()

    with pytest.raises(LeaseLost):
        await stage.clock.run(stage.work(stale))

    [run] = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    assert (RunState.RUNNING, stored) == (run.state, run.episodes_stored)
    report = await stage.clock.run(stage.work(fresh))
    assert run.id == report.id


async def test_lease_is_renewed_while_a_call_takes_long(stage: Stage) -> None:
    """A run that waits for minutes keeps its claim, and is free again when it has ended."""
    user_id = await stage.connect()
    [claim] = await stage.claim()
    working = asyncio.ensure_future(stage.work(claim))
    others: list[Claim] = []

    async def watch() -> SyncRun:
        while not working.done():
            await stage.clock.sleep(20)
            others.extend(await stage.claim())
        return await working

    await stage.clock.run(watch())

    assert [] == others
    await stage.reschedule(user_id, next_sync_at=stage.clock.now())
    assert 1 == len(await stage.claim())


async def test_paused_user_is_claimed_on_request_only(stage: Stage) -> None:
    """Pausing stops the schedule; asking for a sync goes before it, once."""
    user_id = await stage.connect()
    await stage.reschedule(user_id, paused=True)
    assert [] == await stage.claim()
    await stage.reschedule(user_id, requested=True)

    [claim] = await stage.claim()
    await stage.clock.run(stage.work(claim))
    await stage.reschedule(user_id, next_sync_at=stage.clock.now())

    assert [] == await stage.claim()


async def test_nobody_is_claimed_before_due_inactive_or_parked(stage: Stage) -> None:
    """Each condition alone keeps a user from being claimed."""
    user_id = await stage.connect()
    now = stage.clock.now()
    await stage.reschedule(user_id, next_sync_at=now + timedelta(seconds=1))
    assert [] == await stage.claim()
    await stage.reschedule(user_id, next_sync_at=now, active=False)
    assert [] == await stage.claim()
    await stage.reschedule(user_id, active=True)
    async with stage.runtime.database.shared(write=True) as session:
        session.add(
            QuotaBucket(
                account=stage.spotify.account,
                bucket="player",
                ceiling=10,
                parked_until=now + timedelta(seconds=30),
            )
        )
    assert [] == await stage.claim()
    await stage.clock.step(31)

    assert [user_id] == [claim.user_id for claim in await stage.claim()]


async def test_broken_leases_let_a_lone_process_go_on_at_once(stage: Stage) -> None:
    """At the start of the only process, nobody can be holding a claim."""
    user_id = await stage.connect()
    await stage.claim()
    assert [] == await stage.claim()

    async with stage.runtime.database.scheduling() as session:
        await break_leases_all_users(session, now=stage.clock.now())

    assert [user_id] == [claim.user_id for claim in await stage.claim()]


async def test_run_that_ended_is_next_due_after_the_interval(stage: Stage) -> None:
    """The first run spreads users over the interval; later ones keep to it within a tenth."""
    user_id = await stage.connect()

    first = await stage.sync(user_id)
    second = await stage.sync(user_id)
    await stage.reschedule(user_id, interval_hours=10)
    third = await stage.sync(user_id)

    waits = [
        (report.next_sync_at - report.ended_at) / timedelta(hours=1)
        for report in (first, second, third)
        if report.next_sync_at and report.ended_at
    ]
    assert 0 <= waits[0] <= 4
    assert 3.6 <= waits[1] <= 4.4
    assert 9 <= waits[2] <= 11
    [schedule] = await select_rows(stage.runtime, SyncSchedule, user_id=user_id)
    assert third.next_sync_at == schedule.next_sync_at


async def test_day_without_calls_left_asks_nothing(runtime: Runtime, clock: SteppedClock) -> None:
    """The user's own daily limit holds across runs; the first day has the first sync on top."""
    stage = Stage.open(
        runtime, clock, small_world(clock), user_calls_per_day=5, first_sync_max_calls=20
    )
    user_id = await stage.connect()
    reports = [await stage.sync(user_id) for _ in range(4)]
    await stage.spotify.close()

    assert 25 >= sum(report.calls for report in reports)
    assert 25 >= stage.simulator.requests.count("api")
    assert Outcome.CALL_CAP_REACHED == reports[-1].outcome
    assert 0 == reports[-1].calls


async def test_run_that_is_continued_knows_what_it_missed_before_the_kill(stage: Stage) -> None:
    """A second pass would count a second miss in one run, so it is left to the next run."""
    user_id = await stage.connect()
    while (await stage.later_sync(user_id)).outcome != Outcome.COMPLETE:
        pass
    world = stage.simulator.world
    show_id, show = min(
        stage.true_shows(user_id).items(), key=lambda one: len(stage.true_list(one[1]))
    )
    gone = world.episode(show, 1).id
    world.withdraw_episode(show, 1, stage.clock.now())
    while not (await stage.episodes(user_id, show_id))[gone].misses:
        missing = await stage.later_sync(user_id)

    async def state_in(run_id: UUID) -> ShowState:
        [schedule] = await select_rows(stage.runtime, SyncSchedule, user_id=user_id)
        run = await Run.load(
            stage.spotify, user_id=user_id, fence=schedule.fence, run_id=run_id, on_page=None
        )
        async with stage.runtime.database.transaction(user_id, write=False) as session:
            await run.load_shows(session)
        return run.shows[show_id]

    continued, other = (
        await state_in(missing.id),
        await state_in((await stage.later_sync(user_id)).id),
    )

    assert (0, True) == (continued.backfill_offset, continued.missed)
    assert continued.show_id not in {
        call.show_id
        for call in plan(
            [continued],
            stage.clock.now(),
            allowance=Allowance(calls_left=9, routine_left=9),
            is_first=False,
        )
        if call.reason is Reason.BACKFILL
    }
    assert not other.missed


async def test_run_that_is_continued_does_not_count_a_lost_show_twice(stage: Stage) -> None:
    """A show that was not found before the kill and after it was not found in one run."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    [show_id, *_] = sorted(stage.true_shows(user_id))
    [schedule] = await select_rows(stage.runtime, SyncSchedule, user_id=user_id)
    [row] = await select_rows(stage.runtime, SyncRun, user_id=user_id)
    for _ in range(2):  # the run, and itself continued
        run = await Run.load(
            stage.spotify, user_id=user_id, fence=schedule.fence, run_id=row.id, on_page=None
        )
        async with stage.runtime.database.transaction(user_id, write=False) as session:
            await run.load_shows(session)
        await miss(run, show_id)

    shows = await select_rows(stage.runtime, Show, user_id=user_id)
    assert {show_id: 1} == {show.id: show.misses for show in shows if show.misses}

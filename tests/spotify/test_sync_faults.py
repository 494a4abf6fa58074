"""What a run makes of a service that errs, lies, refuses or goes away."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from simulator.app import Simulator
from simulator.faults.board import Fault, Kind
from simulator.settings import Quirks
from src.runtime import Runtime
from src.spotify.models import Outcome
from src.spotify.service import Spotify
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world."""
    opened = Stage.open(
        runtime, clock, small_world(clock, shows_per_listener=5), user_calls_per_day=10_000
    )
    yield opened
    await opened.spotify.close()


def heal(stage: Stage) -> None:
    """Switch every fault off."""
    stage.simulator.faults.clear()


async def test_random_errors_cost_retries_but_nothing_else(stage: Stage) -> None:
    """With a tenth of the calls failing, runs still come to the whole library."""
    user_id = await stage.connect()
    for kind in (Kind.BAD_GATEWAY, Kind.NOT_FOUND):
        stage.simulator.faults.add(Fault(kind, path="/v1/*", rate=0.1))

    for _ in range(8):
        await stage.later_sync(user_id)

    assert stage.true_shows(user_id).keys() <= (await stage.shows(user_id)).keys()
    rows = await stage.shows(user_id)
    assert not any(row.removed_at for row in rows.values())
    for show_id, show in stage.true_shows(user_id).items():
        assert set(stage.true_list(show)[:50]) & (await stage.episodes(user_id, show_id)).keys()


async def test_one_missing_show_is_a_miss_and_the_others_are_read(stage: Stage) -> None:
    """A 404 on one show neither ends the run nor removes anything."""
    user_id = await stage.connect()
    lost, *others = stage.true_shows(user_id)
    stage.simulator.faults.add(Fault(Kind.NOT_FOUND, path=f"/v1/shows/{lost}*"))

    report = await stage.sync(user_id)
    shows = await stage.shows(user_id)

    assert Outcome.MORE_TO_DO == report.outcome
    assert 1 == report.newest_pending
    assert shows[lost].newest_pending
    assert shows[lost].removed_at is None
    assert not any(shows[show_id].newest_pending for show_id in others)
    heal(stage)
    assert 0 == (await stage.later_sync(user_id)).newest_pending


async def test_null_items_are_counted_and_never_taken_for_removals(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """A listing with holes marks nothing as gone."""
    quirks = Quirks(tombstones=True, null_items=True)
    stage = Stage.open(runtime, clock, small_world(clock, quirks=quirks))
    user_id = await stage.connect()
    reports = [await stage.later_sync(user_id) for _ in range(6)]
    await stage.spotify.close()

    assert sum(report.quarantined for report in reports)
    present = stage.true_shows(user_id).keys()
    shows = await stage.shows(user_id)
    assert not any(shows[show_id].removed_at for show_id in present & shows.keys())
    for show_id in present & shows.keys():
        rows = await stage.episodes(user_id, show_id)
        assert not any(row.removed_at for row in rows.values())


async def test_ignored_offset_neither_loops_nor_removes(stage: Stage) -> None:
    """While Spotify serves page one for ever, runs stay short and mark nothing as gone."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    stage.simulator.faults.add(Fault(Kind.OFFSET_IGNORED))

    reports = [await stage.later_sync(user_id) for _ in range(12)]

    assert 20 >= max(report.calls for report in reports)
    shows = await stage.shows(user_id)
    present = stage.true_shows(user_id).keys()
    assert not any(shows[show_id].removed_at for show_id in present & shows.keys())
    for show_id, show in stage.true_shows(user_id).items():
        rows = await stage.episodes(user_id, show_id)
        assert not any(row.removed_at for row in rows.values()), show
    world = stage.simulator.world
    truly = world.saved_episodes(0, stage.clock.now())
    kept = {world.episode(one.show, one.number).id for one in truly if not one.tombstone}
    saved = await stage.saved_episodes(user_id)
    assert not any(saved[id_].removed_at for id_ in kept & saved.keys())


async def test_spent_quota_ends_the_run_and_parks_everyone(stage: Stage) -> None:
    """What came before is kept; nobody of the account is claimed until it may go on."""
    user_id, other = await stage.connect(0), await stage.connect(1)
    await stage.reschedule(other, paused=True)
    stage.simulator.faults.add(Fault(Kind.QUOTA, path="/v1/shows/*", after=3, value=7_200))

    report = await stage.sync(user_id)
    heal(stage)
    await stage.reschedule(other, paused=False)
    await stage.reschedule(user_id, next_sync_at=stage.clock.now())

    assert Outcome.QUOTA_PARKED == report.outcome
    assert report.ended_at is not None
    assert report.next_sync_at is not None
    assert report.ended_at + timedelta(hours=2) <= report.next_sync_at
    assert [] == await stage.claim()
    await stage.clock.step(7_200 + 400)
    assert 2 == len(await stage.claim())


async def test_revoked_grant_stops_the_schedule_and_keeps_the_library(stage: Stage) -> None:
    """After invalid_grant nothing is retried, nothing is deleted, nothing is due."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    before = await stage.plays(user_id)
    await stage.clock.step(4 * 3600)
    stage.simulator.revoke(0)

    report = await stage.sync(user_id)
    calls = len(stage.simulator.requests)
    await stage.reschedule(user_id, next_sync_at=stage.clock.now())

    assert Outcome.RECONNECT_NEEDED == report.outcome
    assert report.next_sync_at is None
    assert before.keys() == (await stage.plays(user_id)).keys()
    assert [] == await stage.claim()
    assert calls == len(stage.simulator.requests)


class Rejecting(httpx2.AsyncBaseTransport):
    """Renews tokens like the simulator, and then takes none of them."""

    def __init__(self, simulator: Simulator) -> None:
        self._inner = httpx2.ASGITransport(simulator.service)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer 401 to every call of the Web API."""
        if request.url.path.startswith("/v1/"):
            return httpx2.Response(401, json={"error": {"status": 401, "message": "no"}})
        return await self._inner.handle_async_request(request)


async def test_rejected_tokens_alone_stop_no_schedule(stage: Stage) -> None:
    """Only the accounts service ends a grant: a Web API that takes no token is tried again."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    await stage.spotify.close()
    transport = Rejecting(stage.simulator)
    stage.spotify = Spotify.open(stage.runtime, stage.spotify.settings, transport=transport)

    report = await stage.later_sync(user_id)
    await stage.clock.step(120)
    claimed = await stage.claim()

    assert Outcome.RECONNECT_NEEDED == report.outcome
    assert report.ended_at is not None
    assert report.next_sync_at is not None
    assert timedelta(seconds=60) <= report.next_sync_at - report.ended_at <= timedelta(seconds=66)
    assert [user_id] == [claim.user_id for claim in claimed]


async def test_outage_is_tried_again_soon_and_less_and_less_often(stage: Stage) -> None:
    """Failed runs double the wait from a minute on, up to the interval."""
    user_id = await stage.connect()
    stage.simulator.faults.add(Fault(Kind.OUTAGE))
    waits = []
    for _ in range(3):
        await stage.clock.step(600)  # the breaker rests between runs
        report = await stage.sync(user_id)
        assert report.ended_at is not None
        assert report.next_sync_at is not None
        assert Outcome.UNREACHABLE == report.outcome
        waits.append((report.next_sync_at - report.ended_at).total_seconds())

    assert 60 <= waits[0] <= 66
    assert 120 <= waits[1] <= 132
    assert 240 <= waits[2] <= 264
    heal(stage)
    await stage.clock.step(600)
    assert (await stage.sync(user_id)).outcome in {Outcome.COMPLETE, Outcome.MORE_TO_DO}


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.PREMIUM_LAPSED, Outcome.PREMIUM_LAPSED),
        (Kind.NOT_ALLOW_LISTED, Outcome.NOT_ALLOWED),
    ],
)
async def test_refusals_are_named_and_tried_at_the_usual_interval(
    stage: Stage, kind: Kind, outcome: Outcome
) -> None:
    """What only a person can mend is neither hammered nor forgotten."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    stage.simulator.faults.add(Fault(kind))

    report = await stage.later_sync(user_id)

    assert outcome == report.outcome
    assert report.message
    assert report.ended_at is not None
    assert report.next_sync_at is not None
    wait = report.next_sync_at - report.ended_at
    assert timedelta(hours=3.6) <= wait <= timedelta(hours=4.4)


async def test_refused_saved_episodes_keep_no_show_from_being_read(stage: Stage) -> None:
    """Should Spotify take that list away, the rest of a sync goes on."""
    user_id = await stage.connect()
    stage.simulator.faults.add(Fault(Kind.NOT_FOUND, path="/v1/me/episodes"))

    report = await stage.sync(user_id)

    assert report.outcome in {Outcome.COMPLETE, Outcome.MORE_TO_DO}
    assert 0 == report.newest_pending
    assert report.shows_total == report.shows_done > 0


async def test_outage_in_mid_run_keeps_what_came(stage: Stage) -> None:
    """What was stored before stays, and the next run goes on from there."""
    user_id = await stage.connect()
    stage.simulator.faults.add(Fault(Kind.UNAVAILABLE, path="/v1/shows/*", after=2))

    broken = await stage.sync(user_id)
    kept = broken.shows_done
    heal(stage)
    whole = await stage.later_sync(user_id)

    assert broken.outcome in {Outcome.UNREACHABLE, Outcome.BREAKER_OPEN}
    assert 0 < kept < broken.shows_total
    assert 0 == whole.newest_pending

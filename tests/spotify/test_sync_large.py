"""A library too large to be listed in one run is listed by several, again and again."""

from collections.abc import AsyncIterator

import pytest

from src.runtime import Runtime
from src.spotify.library_models import SavedShow
from src.spotify.models import SyncRun, SyncSchedule
from src.spotify.queries.forgetting import stop_runs
from src.utils.types import UserId
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock

CAP = 20
"""`SYNC_MAX_CALLS`: most calls of a run that is not the first."""
NONE = (None, None)
_MOST_RUNS = 6


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A listener who follows some 700 shows."""
    world = small_world(clock, shows=760, shows_per_listener=700)
    opened = Stage.open(runtime, clock, world, user_calls_per_day=10_000)
    yield opened
    await opened.spotify.close()


async def listing(stage: Stage, user_id: UserId) -> tuple[int | None, int | None]:
    """Return offset and total of the listing under way."""
    [row] = await select_rows(stage.runtime, SyncSchedule, user_id=user_id)
    return row.listing_offset, row.listing_total


async def begin_listing(stage: Stage, user_id: UserId) -> list[SyncRun]:
    """Sync until a listing is under way; return the runs it took."""
    return await _sync_until(stage, user_id, under_way=True)


async def end_listing(stage: Stage, user_id: UserId) -> list[SyncRun]:
    """Sync until the listing under way has come to its end; return the runs it took."""
    return await _sync_until(stage, user_id, under_way=False)


async def _sync_until(stage: Stage, user_id: UserId, *, under_way: bool) -> list[SyncRun]:
    runs: list[SyncRun] = []
    while (await listing(stage, user_id) != NONE) != under_way:
        assert len(runs) < _MOST_RUNS
        runs.append(await stage.later_sync(user_id))
    return runs


async def whole_listing(stage: Stage, user_id: UserId) -> list[SyncRun]:
    """Sync for the whole of a listing; return the runs it took."""
    return [*await begin_listing(stage, user_id), *await end_listing(stage, user_id)]


def unfollow(stage: Stage, user_id: UserId, place: int) -> str:
    """Let the listener remove the show at a place of the library; return its id."""
    world, now = stage.simulator.world, stage.clock.now()
    show = world.saved_shows(stage.users[user_id], now)[place].show
    world.remove_show(stage.users[user_id], show, now)
    return world.show(show).id


def missed(rows: dict[str, SavedShow]) -> dict[str, int]:
    """Return how often each show was missed, of those that were."""
    return {show_id: row.misses for show_id, row in rows.items() if row.misses}


async def test_a_show_gone_from_a_large_library_is_removed_after_two_listings(
    stage: Stage,
) -> None:
    """Each listing takes several runs within their cap; each goes on where the last one was."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    gone = unfollow(stage, user_id, place=400)

    once = await whole_listing(stage, user_id)
    after_one = dict(await stage.shows(user_id))
    twice = await whole_listing(stage, user_id)
    after_two = dict(await stage.shows(user_id))

    assert all(len(runs) >= 2 for runs in (once, twice))
    assert all(run.calls <= CAP for run in [*once, *twice])
    assert {gone: 1} == missed(after_one)
    assert {gone: 2} == missed(after_two)
    assert [gone] == [show_id for show_id, row in after_two.items() if row.removed_at]


async def test_a_listing_during_which_the_library_changed_misses_nothing(stage: Stage) -> None:
    """It comes to its end, and the next one, over a library at rest, judges."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    await begin_listing(stage, user_id)
    offset, total = await listing(stage, user_id)
    gone = {unfollow(stage, user_id, place=place) for place in (10, 600)}
    await end_listing(stage, user_id)
    unjudged = missed(dict(await stage.shows(user_id)))

    await whole_listing(stage, user_id)

    assert 700 == total == await stage.library_size(user_id)
    assert 50 <= (offset or 0) < total
    assert {} == unjudged
    assert dict.fromkeys(gone, 1) == missed(dict(await stage.shows(user_id)))


async def test_disconnecting_forgets_the_listing(stage: Stage) -> None:
    """The library of the next connection is listed from its top."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    await begin_listing(stage, user_id)

    async with stage.runtime.database.transaction(user_id) as session:
        await stop_runs(session, user_id=user_id)

    assert NONE == await listing(stage, user_id)

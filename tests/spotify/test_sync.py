"""Syncing against the simulator: what is stored, and for how many calls."""

from collections.abc import AsyncIterator

import pytest

from simulator.settings import Settings as World
from src.database import Session
from src.runtime import Runtime
from src.spotify.models import Outcome, RunState
from src.spotify.storing import PlayPoint, Points
from src.utils.types import UserId
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world, in which nothing odd happens by itself."""
    opened = Stage.open(
        runtime, clock, small_world(clock, shows_per_listener=5), user_calls_per_day=10_000
    )
    yield opened
    await opened.spotify.close()


async def sync_to_the_end(stage: Stage, user_id: UserId) -> int:
    """Sync until nothing is left to do; return the number of runs."""
    for runs in range(1, 60):
        report = await stage.later_sync(user_id)
        if report.outcome == Outcome.COMPLETE:
            return runs
    raise AssertionError("still not complete after 60 runs")


async def test_first_sync_of_the_usual_library_fits_into_fifty_calls(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Forty shows cost at most 50 calls at first, one for connecting, and at most 8 unchanged."""
    stage = Stage.open(runtime, clock, World(epoch=clock.now()))
    user_id = await stage.connect()

    first = await stage.sync(user_id)
    second = await stage.sync(user_id)
    await stage.spotify.close()

    assert 49 == first.calls
    assert 8 >= second.calls
    assert Outcome.MORE_TO_DO == second.outcome
    assert 0 == second.newest_pending
    assert stage.true_shows(user_id).keys() == (await stage.shows(user_id)).keys()


async def test_listing_a_very_large_library_leaves_calls_for_its_shows(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """It is listed whole at once; each later run lists a part and goes on filling."""
    world = small_world(clock, shows=1100, shows_per_listener=1050)
    stage = Stage.open(runtime, clock, world)
    user_id = await stage.connect()

    first = await stage.sync(user_id)
    second = await stage.later_sync(user_id)
    third = await stage.later_sync(user_id)
    await stage.spotify.close()

    assert 1050 == first.shows_total
    assert first.shows_done < second.shows_done < third.shows_done
    assert not any(row.removed_at for row in (await stage.shows(user_id)).values())


async def test_first_sync_stores_the_newest_episodes_of_every_show(stage: Stage) -> None:
    """Whichever way a show is listed, its newest fifty are there after the first run."""
    user_id = await stage.connect()

    report = await stage.sync(user_id)

    assert RunState.ENDED == report.state
    assert 0 == report.newest_pending
    for show_id, show in stage.true_shows(user_id).items():
        listed = stage.true_list(show)
        newest = listed[-50:] if stage.simulator.world.show(show).oldest_first else listed[:50]
        assert set(newest) <= (await stage.episodes(user_id, show_id)).keys()


async def test_library_is_equal_to_the_truth_in_the_end(stage: Stage) -> None:
    """Once a run says complete, every show, episode, save and resume point is there."""
    user_id = await stage.connect()

    await sync_to_the_end(stage, user_id)

    world, now = stage.simulator.world, stage.clock.now()
    saved = await stage.saved_episodes(user_id)
    truly = [one for one in world.saved_episodes(0, now) if not one.tombstone]
    assert {world.episode(one.show, one.number).id for one in truly} == saved.keys()
    plays = await stage.plays(user_id)
    for show_id, show in stage.true_shows(user_id).items():
        listed = stage.true_list(show)
        assert set(listed) == (await stage.episodes(user_id, show_id)).keys()
        assert (await stage.shows(user_id))[show_id].backfill_offset is None
        for number in range(len(listed)):
            point = world.resume_point(0, show, number, now)
            play = plays.get(world.episode(show, number).id)
            told = (play.fully_played, play.position_ms) if play else (False, 0)
            fresh = (await stage.shows(user_id))[show_id].newest_at == now
            if fresh:
                assert (point.fully_played, point.position_ms) == told


async def test_unchanged_library_costs_at_most_eight_calls_for_good(stage: Stage) -> None:
    """Neither looks nor older pages make a run of an unchanged library expensive."""
    user_id = await stage.connect()
    await stage.sync(user_id)

    # The clock stands still, so nothing can change.
    calls = [(await stage.sync(user_id)).calls for _ in range(12)]

    assert 8 >= max(calls)
    assert 3 >= calls[-1]


async def test_new_episode_is_stored_by_the_next_run(stage: Stage) -> None:
    """A show that published is read at its newest end, wherever that is."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    before = {show: set(stage.true_list(show)) for show in stage.true_shows(user_id).values()}

    await stage.later_sync(user_id, hours=24 * 5)

    published = {
        show_id: set(stage.true_list(show)) - before[show]
        for show_id, show in stage.true_shows(user_id).items()
        if show in before
    }
    assert any(published.values())
    for show_id, ids in published.items():
        assert ids <= (await stage.episodes(user_id, show_id)).keys()


async def test_show_is_removed_after_two_listings_without_it(stage: Stage) -> None:
    """One listing without a show means little, two in separate runs mark it; the row stays."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    show_id, show = next(iter(stage.true_shows(user_id).items()))
    stage.simulator.world.remove_show(0, show, stage.clock.now())
    await stage.clock.step(60)

    await stage.sync(user_id)
    once = (await stage.shows(user_id))[show_id]
    await stage.sync(user_id)
    twice = (await stage.shows(user_id))[show_id]

    assert (1, None) == (once.misses, once.removed_at)
    assert 2 == twice.misses
    assert twice.removed_at is not None


async def test_show_that_comes_back_is_as_if_it_had_never_left(stage: Stage) -> None:
    """Saving a show again clears its misses and its removal."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    show_id, show = next(iter(stage.true_shows(user_id).items()))
    stage.simulator.world.remove_show(0, show, stage.clock.now())
    await stage.clock.step(60)
    await stage.sync(user_id)
    await stage.sync(user_id)
    stage.simulator.world.save_show(0, show, stage.clock.now())
    await stage.clock.step(60)

    await stage.sync(user_id)

    row = (await stage.shows(user_id))[show_id]
    assert (0, None) == (row.misses, row.removed_at)


async def test_saved_episode_is_removed_after_two_listings_without_it(stage: Stage) -> None:
    """Saved episodes leave like shows do."""
    user_id = await stage.connect()
    world = stage.simulator.world
    show = next(iter(stage.true_shows(user_id).values()))
    world.save_episode(0, show, 1, stage.clock.now())
    episode_id = world.episode(show, 1).id
    await stage.clock.step(60)
    await stage.sync(user_id)
    world.remove_episode(0, show, 1, stage.clock.now())
    await stage.clock.step(60)

    await stage.sync(user_id)
    once = (await stage.saved_episodes(user_id))[episode_id]
    await stage.sync(user_id)
    twice = (await stage.saved_episodes(user_id))[episode_id]

    assert (1, None) == (once.misses, once.removed_at)
    assert 2 == twice.misses
    assert twice.removed_at is not None


async def test_withdrawn_episode_is_marked_after_two_passes(stage: Stage) -> None:
    """An episode missing from two whole passes over its show's list counts as removed."""
    user_id = await stage.connect()
    await sync_to_the_end(stage, user_id)
    world = stage.simulator.world
    show_id, show = next(
        (id_, show)
        for id_, show in stage.true_shows(user_id).items()
        if len(stage.true_list(show)) > 60
    )
    gone = world.episode(show, 5).id
    world.withdraw_episode(show, 5, stage.clock.now())
    await stage.clock.step(60)
    assert gone not in stage.true_list(show)

    for _ in range(20):
        await stage.later_sync(user_id)
        if (await stage.episodes(user_id, show_id))[gone].removed_at:
            break

    row = (await stage.episodes(user_id, show_id))[gone]
    assert 2 == row.misses
    others = await stage.episodes(user_id, show_id)
    assert {gone} == {id_ for id_, one in others.items() if one.removed_at}


async def test_one_run_misses_an_episode_once_at_most(stage: Stage) -> None:
    """A run that passes a short list twice has seen it be missing in one run only."""
    user_id = await stage.connect()
    await sync_to_the_end(stage, user_id)
    world = stage.simulator.world
    show_id, show = min(
        stage.true_shows(user_id).items(), key=lambda one: len(stage.true_list(one[1]))
    )
    gone = world.episode(show, 1).id
    world.withdraw_episode(show, 1, stage.clock.now())
    misses = []

    for _ in range(12):
        await stage.later_sync(user_id)
        misses.append((await stage.episodes(user_id, show_id))[gone].misses)
        if misses[-1] >= 2:
            break

    assert [1, 2] == sorted(set(misses) - {0})


async def test_moved_resume_point_is_told_before_and_after(stage: Stage) -> None:
    """The function handed in sees the old and the new position inside the transaction."""
    user_id = await stage.connect()
    await stage.sync(user_id)
    world = stage.simulator.world
    show = next(iter(stage.true_shows(user_id).values()))
    newest = stage.true_list(show)[-1 if world.show(show).oldest_first else 0]
    number = next(
        n
        for n in range(world.episode_count(show, stage.clock.now()))
        if world.episode(show, n).id == newest
    )
    world.save_episode(0, show, number, stage.clock.now())
    await stage.clock.step(60)
    await stage.sync(user_id)
    told: list[tuple[PlayPoint | None, PlayPoint]] = []

    async def on_page(session: Session, before: Points, after: Points) -> None:
        assert user_id == session.sync_session.info["user_id"]
        told.extend((before.get(id_), point) for id_, point in after.items() if id_ == newest)

    world.add_play(0, show, number, at=stage.clock.now(), from_ms=0, to_ms=90_000)
    await stage.clock.step(600)
    began_at = stage.clock.now()
    await stage.sync(user_id, on_page)

    assert told
    assert began_at <= told[0][1].changed_at
    assert 90_000 == told[0][1].position_ms == (await stage.plays(user_id))[newest].position_ms


async def test_two_users_of_one_show_have_their_own_resume_points(stage: Stage) -> None:
    """The catalogue is shared; what was heard is not."""
    first, second = await stage.connect(0), await stage.connect(1)

    for claim in await stage.claim():
        await stage.clock.run(stage.work(claim))

    assert stage.true_shows(first).keys() == (await stage.shows(first)).keys()
    assert stage.true_shows(second).keys() == (await stage.shows(second)).keys()
    world, now = stage.simulator.world, stage.clock.now()
    for user_id, listener in stage.users.items():
        by_id = {
            world.episode(show, number).id: world.resume_point(listener, show, number, now)
            for show in stage.true_shows(user_id).values()
            for number in range(world.episode_count(show, now))
        }
        for episode_id, play in (await stage.plays(user_id)).items():
            if episode_id in by_id:
                point = by_id[episode_id]
                assert (point.fully_played, point.position_ms) == (
                    play.fully_played,
                    play.position_ms,
                )


async def test_calls_and_cost_of_the_report_are_those_of_the_ledger(stage: Stage) -> None:
    """Every attempt is in the ledger once, and the report counts what stands there."""
    user_id = await stage.connect()

    report = await stage.sync(user_id)

    asked = [one for one in stage.simulator.requests if one.path.startswith("/v1/")]
    assert len(asked) == report.calls
    assert 100 * report.calls == report.cost_micro

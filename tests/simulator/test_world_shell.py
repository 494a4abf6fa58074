"""What control adds is seen, and moves nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.world.types import Play, Reason, ResumePoint, UnknownThing
from simulator.world.world import World

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LATER = EPOCH + 30 * DAY


def new_world() -> World:
    """Return a world that a test may change."""
    return World(6, epoch=EPOCH, listeners=2)


def unheard(world: World) -> tuple[int, int]:
    """Return a show outside listener 0's library and an episode never heard."""
    near = {it.show for it in world.saved_shows(0, LATER)}
    near |= {it.show for it in world.plays(0, EPOCH - 400 * DAY, LATER)}
    show = next(it for it in range(400) if it not in near and world.episode_count(it, EPOCH) > 9)
    return show, 4


def idle_instant(world: World) -> datetime:
    """Return an instant after the epoch with no play of listener 0 within the hour."""
    at = EPOCH + DAY
    while world.plays(0, at, at + 4 * 60 * MINUTE) or world.playing(0, at - 20 * MINUTE):
        at += 60 * MINUTE
    return at


def test_a_saved_show_joins_and_leaves_the_library() -> None:
    """Saved at one instant and removed at another, it is there only between."""
    world = new_world()
    show, _ = unheard(world)
    before = world.saved_shows(0, LATER)

    world.save_show(0, show, EPOCH + DAY)
    world.save_show(0, show, EPOCH + 2 * DAY)
    world.remove_show(0, show, EPOCH + 5 * DAY)

    assert show not in {it.show for it in world.saved_shows(0, EPOCH)}
    found = [it for it in world.saved_shows(0, EPOCH + 3 * DAY) if it.show == show]
    assert [EPOCH + DAY] == [it.added_at for it in found]
    assert before == world.saved_shows(0, LATER)


def test_a_habitual_show_can_be_removed_and_come_back() -> None:
    """Removing and saving again gives the show a new date."""
    world = new_world()
    old = world.saved_shows(0, EPOCH)[-1]

    world.remove_show(0, old.show, EPOCH + MINUTE)
    world.save_show(0, old.show, EPOCH + DAY)

    assert old.show not in {it.show for it in world.saved_shows(0, EPOCH + 2 * MINUTE)}
    back = world.saved_shows(0, EPOCH + DAY)[0]
    assert (old.show, EPOCH + DAY) == (back.show, back.added_at)


def test_an_episode_is_saved_and_removed() -> None:
    """Control's saved episodes come first in time's order and can be taken away."""
    world = new_world()
    show, number = unheard(world)

    world.save_episode(0, show, number, EPOCH + DAY)
    world.remove_episode(0, show, number, EPOCH + 2 * DAY)

    kept = {(it.show, it.number) for it in world.saved_episodes(0, EPOCH + DAY)}
    assert (show, number) in kept
    kept = {(it.show, it.number) for it in world.saved_episodes(0, EPOCH + 2 * DAY)}
    assert (show, number) not in kept


def test_an_added_play_is_heard_played_and_remembered() -> None:
    """It enters the truth, the player while it lasts, and the resume point a minute later."""
    world = new_world()
    show, number = unheard(world)
    at = idle_instant(world)

    world.add_play(0, show, number, at=at, from_ms=10_000, to_ms=70_500)

    end = at + timedelta(milliseconds=60_500)
    expected = Play(
        listener=0,
        show=show,
        number=number,
        started_at=at,
        ended_at=end,
        from_ms=10_000,
        to_ms=70_500,
        heard_ms=60_500,
        finished=False,
        reason=Reason.STOPPED,
        offline_seen_at=None,
    )
    playing = world.playing(0, at + timedelta(seconds=20))
    assert [expected] == world.plays(0, at, at + 2 * MINUTE)
    assert playing is not None
    assert (show, number, 30_000, True, at) == (
        playing.show,
        playing.number,
        playing.progress_ms,
        playing.is_playing,
        playing.started_at,
    )
    assert world.playing(0, end) is None
    nothing = ResumePoint(fully_played=False, position_ms=0)
    told = ResumePoint(fully_played=False, position_ms=70_000)
    assert nothing == world.resume_point(0, show, number, end + timedelta(seconds=59))
    assert told == world.resume_point(0, show, number, end + MINUTE)


def test_added_plays_finish_and_start_over() -> None:
    """Reaching the end marks the episode; hearing it again resets the mark."""
    world = new_world()
    show, number = unheard(world)
    length_ms = world.episode(show, number).duration_ms

    world.add_play(0, show, number, at=EPOCH + DAY, from_ms=length_ms - 9_000, to_ms=length_ms)
    finished = world.resume_point(0, show, number, EPOCH + 1.5 * DAY)
    world.add_play(0, show, number, at=EPOCH + 2 * DAY, from_ms=0, to_ms=31_999)

    assert finished.fully_played
    assert finished == world.resume_point(0, show, number, EPOCH + 1.5 * DAY)
    assert ResumePoint(fully_played=False, position_ms=31_000) == world.resume_point(
        0, show, number, EPOCH + 3 * DAY
    )


def test_an_impossible_play_is_refused() -> None:
    """Unknown or future episodes and places outside the episode raise."""
    world = new_world()
    show, number = unheard(world)
    length_ms = world.episode(show, number).duration_ms

    for from_ms, to_ms in ((-1, 5), (5, 5), (9, 5), (0, length_ms + 1)):
        with pytest.raises(ValueError, match="hear from 0"):
            world.add_play(0, show, number, at=EPOCH, from_ms=from_ms, to_ms=to_ms)
    with pytest.raises(UnknownThing, match="not out"):
        world.add_play(0, show, number, at=EPOCH - 9_000 * DAY, from_ms=0, to_ms=5)
    with pytest.raises(UnknownThing):
        world.add_play(2, show, number, at=EPOCH, from_ms=0, to_ms=5)
    with pytest.raises(UnknownThing):
        world.save_show(0, 400, EPOCH)


def test_control_moves_nothing_else() -> None:
    """Plays, libraries and players of everyone else, and the listener's own, stay."""
    touched, untouched = new_world(), new_world()
    show, number = unheard(untouched)
    touched.save_show(0, show, EPOCH + DAY)
    touched.save_episode(0, show, number, EPOCH + DAY)
    touched.add_play(0, show, number, at=EPOCH + DAY, from_ms=0, to_ms=60_000)
    touched.withdraw_episode(show, 2, EPOCH + DAY)

    mine = [it for it in touched.plays(0, EPOCH, LATER) if it.show != show]
    assert untouched.plays(0, EPOCH, LATER) == mine
    assert untouched.plays(1, EPOCH, LATER) == touched.plays(1, EPOCH, LATER)
    assert untouched.saved_shows(1, LATER) == touched.saved_shows(1, LATER)
    assert untouched.saved_episodes(1, LATER) == touched.saved_episodes(1, LATER)


def test_a_withdrawn_episode_shortens_the_list() -> None:
    """From that instant it is neither counted nor listed, and a saved one is a tombstone."""
    world = new_world()
    show, number = unheard(world)
    count = world.episode_count(show, EPOCH)
    world.save_episode(0, show, number, EPOCH - DAY)

    world.withdraw_episode(show, number, EPOCH)

    before, after = EPOCH - MINUTE, EPOCH
    listed = world.episode_numbers(show, after, offset=0, limit=10_000)
    assert world.episode_exists(show, number, before)
    assert not world.episode_exists(show, number, after)
    assert count - 1 == world.episode_count(show, after) == len(listed)
    assert number not in listed
    assert number in world.episode_numbers(show, before, offset=0, limit=10_000)
    tombs = [it.tombstone for it in world.saved_episodes(0, after) if it.show == show]
    assert [True] == tombs


def test_what_is_withdrawn_is_not_heard_any_more() -> None:
    """Plays begun after the withdrawal did not happen; earlier ones did."""
    world = new_world()
    plays = world.plays(0, EPOCH, LATER)
    middle = plays[len(plays) // 2]

    world.withdraw_episode(middle.show, middle.number, middle.started_at)

    kept = world.plays(0, EPOCH, LATER)
    assert middle not in kept
    assert [it for it in plays if it in kept] == kept
    assert all(it in kept for it in plays if it.ended_at < middle.started_at)


def test_a_withdrawn_show_is_gone() -> None:
    """It leaves libraries and lists nothing, though its facts remain for old answers."""
    world = new_world()
    show = world.saved_shows(0, EPOCH)[0].show

    world.withdraw_show(show, EPOCH)

    assert world.show_exists(show, EPOCH - MINUTE)
    assert not world.show_exists(show, EPOCH)
    assert 0 == world.episode_count(show, EPOCH)
    assert [] == world.episode_numbers(show, EPOCH, offset=0, limit=50)
    assert show not in {it.show for it in world.saved_shows(0, EPOCH)}
    assert show in {it.show for it in world.saved_shows(0, EPOCH - MINUTE)}
    assert not world.episode_exists(show, 0, EPOCH)

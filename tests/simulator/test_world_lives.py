"""Listeners: one truth however it is asked for, and habits like real ones."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median

import pytest

from simulator.world.types import Play, Reason, ResumePoint
from simulator.world.world import World

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = 365 * DAY


@pytest.fixture(scope="module")
def world() -> World:
    """A world of 40 listeners that these tests only ask."""
    return World(3, epoch=EPOCH, listeners=40)


@pytest.fixture(scope="module")
def plays(world: World) -> list[Play]:
    """A year of everybody's plays."""
    return [play for listener in range(40) for play in world.plays(listener, EPOCH - YEAR, EPOCH)]


def answers(world: World, listener: int, at: datetime) -> tuple[object, ...]:
    """Return everything a world tells of a listener at one instant."""
    heard = world.plays(listener, at - 20 * DAY, at)
    points = [world.resume_point(listener, play.show, play.number, at) for play in heard]
    return (
        heard,
        points,
        world.saved_shows(listener, at),
        world.saved_episodes(listener, at),
        world.playing(listener, at),
    )


def test_the_order_of_questions_changes_no_answer() -> None:
    """A world asked at random instants, there and back, tells what a fresh one tells."""
    rng = Random(1)
    instants = [EPOCH + rng.uniform(-300, 500) * DAY for _ in range(30)]
    asked = World(9, epoch=EPOCH)
    ordered = World(9, epoch=EPOCH)
    expected = {at: answers(ordered, 3, at) for at in sorted(instants)}

    assert [expected[at] for at in instants] == [answers(asked, 3, at) for at in instants]
    assert expected[instants[0]] == answers(World(9, epoch=EPOCH), 3, instants[0])


def test_stepping_tells_what_asking_at_once_tells() -> None:
    """Asked every seven hours or once: one truth, one past, in every time zone."""
    stepped, at_once = World(4, epoch=EPOCH, listeners=8), World(4, epoch=EPOCH, listeners=8)
    step = timedelta(hours=7)
    seen = []
    for listener in range(8):
        collected: list[Play] = []
        for since in (EPOCH + number * step for number in range(100)):
            collected += stepped.plays(listener, since, since + step)
            seen.append((listener, since, answers(stepped, listener, since)))

        assert collected == at_once.plays(listener, EPOCH, EPOCH + 100 * step)
    assert all(told == answers(at_once, listener, at) for listener, at, told in seen)


DIGEST = """
import hashlib
from datetime import UTC, datetime, timedelta
from simulator.world.world import World
epoch = datetime(2026, 11, 1, tzinfo=UTC)
world = World(5, epoch=epoch)
told = [world.show(index) for index in range(400)]
told += world.plays(0, epoch - timedelta(days=200), epoch + timedelta(days=100))
told += world.saved_shows(3, epoch) + world.saved_episodes(3, epoch)
print(hashlib.sha256(repr(told).encode()).hexdigest())
"""


def test_no_set_order_leaks_into_the_world() -> None:
    """Processes with other hash seeds tell the same, to the last byte."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert 1 == len(digests)
    assert 65 == len(digests.pop())


def test_another_seed_is_another_world() -> None:
    """Seeds change shows, identifiers and plays."""
    one, two = World(1, epoch=EPOCH), World(2, epoch=EPOCH)

    assert one.show(0) != two.show(0)
    assert one.listener(0).id != two.listener(0).id
    assert one.plays(0, EPOCH - YEAR, EPOCH) != two.plays(0, EPOCH - YEAR, EPOCH)


@pytest.mark.parametrize("seed", [0, 1, 2, 42, 2026])
def test_the_default_listener_has_a_usual_library(seed: int) -> None:
    """40 shows with about 8,000 episodes, saved episodes and a year of plays."""
    world = World(seed, epoch=EPOCH)
    saved = world.saved_shows(0, EPOCH)
    episodes = sum(world.episode_count(it.show, EPOCH) for it in saved)

    assert 40 == len({it.show for it in saved})
    assert 7_000 <= episodes <= 9_000
    assert all(world.show(it.show).started_at <= it.added_at <= EPOCH for it in saved)
    assert sorted(saved, key=lambda it: it.added_at, reverse=True) == saved
    assert len(world.saved_episodes(0, EPOCH)) > 20
    assert len(world.plays(0, EPOCH - YEAR, EPOCH)) > 300
    assert world.plays(0, EPOCH - 364 * DAY, EPOCH - 300 * DAY)


def test_a_library_grows_shrinks_and_sees_shows_return(world: World) -> None:
    """Over five years shows are added and dropped, some come back, the size stays usual."""
    added = dropped = returned = 0
    for listener in range(6):
        known: set[int] = set()
        before: set[int] = set()
        for month in range(60):
            saved = world.saved_shows(listener, EPOCH + month * 30 * DAY)
            now = {it.show for it in saved}
            added += len(now - before - known)
            returned += len((now - before) & known)
            dropped += len(before - now)
            known |= now
            before = now

            assert 10 < len(now) < 80

    assert added > 300
    assert dropped > 60
    assert returned > 12


def test_plays_are_possible(world: World, plays: list[Play]) -> None:
    """Nobody hears two things at once, hears the unpublished, or leaves an episode's bounds."""
    for before, play in pairwise(plays):
        assert before.listener != play.listener or before.ended_at < play.started_at
    for play in plays[::5]:
        length_ms = world.episode(play.show, play.number).duration_ms

        assert play.number < world.episode_count(play.show, play.started_at)
        assert 0 <= play.from_ms < length_ms
        assert 0 < play.to_ms <= length_ms
        assert play.finished == (play.to_ms == length_ms)
        assert play.finished == (play.reason is Reason.FINISHED)
        assert timedelta(milliseconds=play.heard_ms) == play.ended_at - play.started_at
        assert play.offline_seen_at is None or play.offline_seen_at > play.ended_at


def test_habits_are_those_of_keen_listeners(world: World, plays: list[Play]) -> None:
    """Amount, length, offline share, seeks and back catalogue lie where studies put them."""
    heard = [it for it in plays if it.heard_ms >= 30_000]
    deep = [it for it in plays if world.episode_count(it.show, it.started_at) - it.number > 50]
    seeks = [it for it in plays if it.to_ms != it.from_ms + it.heard_ms]
    shows = Counter((it.listener, it.show) for it in plays)
    top = sum(max(n for (who, _), n in shows.items() if who == one) for one in range(40))

    assert 2.3 == pytest.approx(len(heard) / 365 / 40, abs=0.4)
    assert 15 == pytest.approx(median(it.heard_ms for it in heard) / 60_000, abs=4)
    assert 0.06 == pytest.approx(
        sum(it.offline_seen_at is not None for it in plays) / len(plays), abs=0.02
    )
    assert 0.05 < len(seeks) / len(plays) < 0.09
    assert 0.08 < len(deep) / len(plays) < 0.17
    assert 0.18 < top / len(plays) < 0.4
    assert set(Reason) == {it.reason for it in plays}


def test_listeners_stay_away_for_weeks_and_come_back(plays: list[Play]) -> None:
    """Somebody who listens daily is silent for more than eight days, then returns."""
    gaps = [
        after.started_at - before.ended_at
        for before, after in pairwise(plays)
        if before.listener == after.listener and before.listener % 8 != 7
    ]

    assert sum(gap > 8 * DAY for gap in gaps) >= 5
    assert max(gaps) < 80 * DAY


def test_a_resume_point_follows_the_newest_known_play(world: World, plays: list[Play]) -> None:
    """Over 1,000 plays: whole seconds, about a minute late, replaced by a replay."""
    finished = zero = 0
    for play in [it for it in plays if it.offline_seen_at is None][:1_500]:
        late = play.ended_at + timedelta(seconds=76)
        where = (play.listener, play.show, play.number)
        before = world.resume_point(*where, play.ended_at - timedelta(milliseconds=1))
        early = world.resume_point(
            play.listener, play.show, play.number, play.ended_at + timedelta(seconds=44)
        )
        told = world.resume_point(*where, late)
        if any(
            it.listener == play.listener and play.started_at < it.started_at < late
            for it in world.plays(play.listener, play.ended_at, late)
        ):
            continue

        assert play.from_ms > 0 or before == early
        assert play.finished == told.fully_played
        assert 0 == told.position_ms % 1_000
        if play.finished:
            finished += 1
            zero += told.position_ms == 0

            assert told.position_ms <= 20_000
        else:
            assert 0 <= play.to_ms - told.position_ms < 1_000

    assert finished > 300
    assert 2 / 3 == pytest.approx(zero / finished, abs=0.07)


def test_a_replay_resets_the_resume_point(world: World, plays: list[Play]) -> None:
    """An episode heard to its end and then begun again is half-heard again."""
    ends = {(it.listener, it.show, it.number): it.ended_at for it in plays if it.finished}
    replays = [
        it
        for it in plays
        if not it.finished
        and it.offline_seen_at is None
        and ends.get((it.listener, it.show, it.number), EPOCH) < it.started_at
    ]
    last = replays[-1]

    told = world.resume_point(
        last.listener, last.show, last.number, last.ended_at + timedelta(seconds=80)
    )

    assert len(replays) > 20
    assert not told.fully_played
    assert last.to_ms // 1_000 * 1_000 == told.position_ms


def test_offline_plays_show_when_the_device_returns(world: World, plays: list[Play]) -> None:
    """Until it finds a connection nothing changes; afterwards the newest play counts."""
    offline = [it for it in plays if it.offline_seen_at is not None]
    fresh = 0
    for play in offline:
        seen_at = play.offline_seen_at
        assert seen_at is not None
        where = (play.listener, play.show, play.number)
        later = [
            it
            for it in world.plays(play.listener, play.ended_at, seen_at + DAY)
            if (it.show, it.number) == where[1:] and it != play
        ]
        if not later:
            fresh += 1
            told = world.resume_point(*where, seen_at)

            assert play.finished == told.fully_played
            assert world.playing(play.listener, play.started_at) is None

    assert fresh > 100


def test_an_episode_never_heard_has_no_resume_point(world: World) -> None:
    """Before anyone listens, and for what nobody heard, the answer is the default."""
    long_ago = EPOCH - 3 * YEAR

    assert ResumePoint(fully_played=False, position_ms=0) == world.resume_point(0, 1, 1, EPOCH)
    assert [] == world.plays(0, long_ago, long_ago + YEAR)
    assert world.playing(0, long_ago) is None


def test_the_player_agrees_with_the_truth(world: World, plays: list[Play]) -> None:
    """In a play its progress shows; paused it stands still; idle there is nothing."""
    paused = adverts = 0
    for play in [it for it in plays if it.offline_seen_at is None][:2_000]:
        begun = world.playing(play.listener, play.started_at)
        near_end = world.playing(play.listener, play.ended_at - timedelta(milliseconds=1))
        advert = world.playing(play.listener, play.started_at - timedelta(seconds=1))
        after = world.playing(play.listener, play.ended_at + timedelta(seconds=15))

        assert begun is not None
        assert near_end is not None
        assert (play.show, play.number, play.from_ms) == (
            begun.show,
            begun.number,
            begun.progress_ms,
        )
        assert play.to_ms - 1 == near_end.progress_ms
        assert begun.is_playing
        assert begun.device_name
        adverts += advert is not None and advert.ad
        if play.reason is Reason.PAUSED:
            paused += 1

            assert after is not None
            assert not after.is_playing
            assert play.to_ms == after.progress_ms

    assert paused > 50
    assert adverts > 50


def test_few_saved_episodes_are_tombstones(world: World) -> None:
    """About one saved episode in a hundred no longer exists; savers keep many more."""
    saved = {listener: world.saved_episodes(listener, EPOCH) for listener in range(40)}
    every = [it for kept in saved.values() for it in kept]
    savers = [len(kept) for one, kept in saved.items() if world.listener(one).saver]
    others = [len(kept) for one, kept in saved.items() if not world.listener(one).saver]

    assert 0.01 == pytest.approx(sum(it.tombstone for it in every) / len(every), abs=0.01)
    assert any(it.tombstone for it in every)
    assert median(savers) > 8 * median(others)


def test_listeners_are_told_apart() -> None:
    """Identifiers lead back, accounts differ from users, two of five are savers."""
    world = World(1, epoch=EPOCH, listeners=200)
    facts = [world.listener(index) for index in range(200)]

    assert 400 == len({it.id for it in facts} | {it.account_id for it in facts})
    assert [world.listener_by_id(it.id) for it in facts] == list(range(200))
    assert world.listener_by_id(facts[0].account_id) is None
    assert 80 == sum(it.saver for it in facts)
    assert 8 == len({it.kind for it in facts})


def test_everything_heard_can_be_asked_in_small_worlds() -> None:
    """A world of three shows still lives; libraries hold what there is."""
    small = World(1, epoch=EPOCH, shows=3, listeners=2, shows_per_listener=40)

    assert 3 == len(small.saved_shows(0, EPOCH))
    assert small.plays(0, EPOCH - YEAR, EPOCH + YEAR)

"""The runner finds the bugs that were planted for it, as often as it must."""

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.sim import crashes, races
from tests.sim.small import play

MOST_SEEDS = 200
MOST_CRASHES = 50


@pytest.mark.parametrize("race", races.ALL)
def test_race_shows_within_200_seeds(race: Any, tmp_path: Path) -> None:
    """Shuffled steps and a database that takes its time bring each race to light."""
    found = next((seed for seed in range(MOST_SEEDS) if _shows(race, seed, tmp_path)), None)

    assert found is not None


def _shows(race: Any, seed: int, folder: Path) -> bool:
    path = folder / f"{seed}.db"
    result, _ = play(seed, lambda: race(path, Random(seed)))
    for file in folder.glob(f"{seed}.db*"):
        file.unlink()
    return bool(result)


@pytest.mark.parametrize("program", crashes.FORGETFUL)
def test_crash_bug_shows_within_50_crashes(program: Any, tmp_path: Path) -> None:
    """Killed between two steps, a program shows what it leaves to its `finally`."""
    found = [crash for crash in range(MOST_CRASHES) if not _survives(program, crash, tmp_path)]

    assert found


def test_memory_of_a_dead_program_is_gone(tmp_path: Path) -> None:
    """What a killed program only remembered raises no false alarm."""
    program = crashes.memory_of_its_own

    alarms = [crash for crash in range(MOST_CRASHES) if not _survives(program, crash, tmp_path)]

    assert [] == alarms


@pytest.mark.parametrize("program", [*crashes.FORGETFUL, crashes.memory_of_its_own])
def test_nothing_shows_without_a_crash(program: Any, tmp_path: Path) -> None:
    """The planted programs are right as long as nobody kills them."""
    result, _ = play("calm", lambda: program(tmp_path, crashes.World()))

    assert result


def _survives(program: Any, crash: int, folder: Path) -> bool:
    """Kill a program at a random step, go on with a copy of its files; tell whether all is well."""
    calm = folder / f"calm-{crash}"
    calm.mkdir()
    _, steps = play(crash, lambda: program(calm, crashes.World()))
    first, second, world = folder / f"first-{crash}", folder / f"second-{crash}", crashes.World()
    first.mkdir()
    play(crash, lambda: program(first, world), kill_at=Random(crash).randrange(steps))
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("*-shm"))
    try:
        result, _ = play(crash, lambda: program(second, world))
    except TimeoutError:
        return False
    return bool(result)

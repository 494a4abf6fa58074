"""The merge against the truth: worlds nobody has seen, written down badly twice."""

from dataclasses import replace

import pytest

from tests.history.worlds import MIXES, Score, World

GOALS = dict.fromkeys(MIXES, 0.995) | {"offline_far": 0.99, "worst": 0.99}
TIME_OFF = 0.005
FRESH = 3
MANY = 40


def scores(mix: str, seed: int, worlds: int) -> Score:
    """Draw worlds from `seed`, print how the merge did in each, and return the sum."""
    total = Score(0, 0, 0, 0)
    for part in range(worlds):
        score = World(f"{seed}-{mix}-{part}", MIXES[mix]).score()
        print(f"{seed}-{mix}-{part}: {score.counted_once:.4%} once, time {score.time:.4%}")
        total += score
    return total


@pytest.mark.parametrize("mix", ["realistic", "worst"])
def test_streams_are_counted_once(mix: str, fault_seed: int) -> None:
    """Of the streams of three fresh worlds, 99.5 % or, with all defects at once, 99 %."""
    score = scores(mix, fault_seed, FRESH)

    assert GOALS[mix] <= score.counted_once, score
    assert TIME_OFF >= abs(1 - score.time), score


@pytest.mark.endurance
@pytest.mark.parametrize("mix", MIXES)
def test_streams_are_counted_once_with_every_defect(mix: str, fault_seed: int) -> None:
    """Each defect by itself, over many worlds; nothing goes wrong with none."""
    score = scores(mix, fault_seed, MANY)

    assert GOALS[mix] <= score.counted_once, score
    assert TIME_OFF >= abs(1 - score.time), score


def test_clean_exports_give_back_the_truth(fault_seed: int) -> None:
    """Without a defect every stream is one event with its ms."""
    world = World(f"{fault_seed}-clean", MIXES["clean"])

    score = world.score()

    assert len(world.streams) == score.once
    assert score.true_ms == score.heard_ms


def test_the_score_sees_a_merge_that_does_nothing(fault_seed: int) -> None:
    """Rows of both exports left side by side count no stream once and all time twice."""
    world = World(f"{fault_seed}-clean", MIXES["clean"])
    apart = [(row, number) for row, number in world.rows if row.source == "ext"]
    world.rows = apart + [
        (replace(row, episode=f"other:{row.episode}"), number)
        for row, number in world.rows
        if row.source == "acc"
    ]

    score = world.score()

    assert 0 == score.once
    assert 2 * score.true_ms == score.heard_ms

"""The product under many plans: nothing lost, doubled, overspent or stuck.

`PLAYHEAD_SIM_SEEDS` says how many seeds the long run takes (default 10,000).
"""

import os
from dataclasses import replace

import pytest

from tests.sim.plan import Plan, draw
from tests.sim.report import report, shrunk
from tests.sim.running import Outcome, run

SEEDS = 30  # about 5 s of a core each, most of it SQLAlchemy's and SQLite's
BATCH = 3
LONG = int(os.environ.get("PLAYHEAD_SIM_SEEDS", "10000"))
LONG_BATCH = 100
LONGEST_S = 120.0
LONGEST_IDLE_DAY_S = 0.05


def _judge(plan: Plan) -> Outcome:
    outcome = run(plan)
    if outcome.broken is not None:
        small, runs = shrunk(outcome)
        pytest.fail(report(outcome, small, runs=runs), pytrace=False)
    return outcome


def _judge_batch(first: int, seeds: int) -> None:
    for seed in range(first, first + seeds):
        _judge(draw(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEEDS + 1, BATCH))
def test_nothing_breaks_in_two_days_of_faults(first: int) -> None:
    """Every property holds for three people, whatever the plan."""
    _judge_batch(first, BATCH)


@pytest.mark.endurance
@pytest.mark.parametrize("first", range(1, LONG + 1, LONG_BATCH))
def test_nothing_breaks_in_very_many_plans(first: int) -> None:
    """As above, for as many seeds as there is time."""
    _judge_batch(first, LONG_BATCH)


@pytest.mark.endurance
@pytest.mark.parametrize("has_faults", [False, True])
def test_sixty_days_of_twelve_people(has_faults: bool) -> None:
    """Two months pass within two minutes, with every property intact."""
    plan = draw(60, days=60.0, users=12)
    outcome = _judge(plan if has_faults else replace(plan, faults=()))
    print(f"{outcome.calls} calls in {outcome.took_s:.1f} s")

    assert LONGEST_S >= outcome.took_s


@pytest.mark.slow
def test_day_without_anything_to_do_costs_nothing() -> None:
    """Nothing of the product looks for work while there cannot be any."""
    empty = Plan(seed=1, users=0)
    short, long = run(replace(empty, days=1.0)), run(replace(empty, days=31.0))

    assert LONGEST_IDLE_DAY_S >= (long.took_s - short.took_s) / 30

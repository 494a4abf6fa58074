"""Plans: drawn from a seed, written down and read again, smaller by leaving out."""

from functools import partial
from random import Random

import pytest

from tests.sim.plan import LASTING, WIRE, Fault, Kind, Plan, draw
from tests.sim.shrinking import MOST_RUNS, Shrinking

SEEDS = range(1, 301)


def test_plan_is_the_same_for_the_same_seed() -> None:
    """A seed is enough to repeat a run, and another one is another run."""
    assert [draw(seed) for seed in range(9)] == [draw(seed) for seed in range(9)]
    assert draw(1).faults != draw(2).faults


def test_plan_can_be_written_down() -> None:
    """What was read is what was written, fault by fault."""
    for seed in range(20):
        plan = draw(seed)

        assert plan == Plan.from_json(plan.to_json())
    assert Plan(seed=1) == Plan.from_json(Plan(seed=1).to_json())


def test_seeds_differ_in_the_kinds_they_have() -> None:
    """About half of all seeds have a kind, and hardly two the same kinds."""
    kinds = [frozenset(fault.kind for fault in draw(seed).faults) for seed in SEEDS]

    for kind in (*LASTING.keys() - {Kind.ASK}, Kind.CRASH):  # others bring runs that are asked for
        assert 0.4 < sum(kind in one for one in kinds) / len(kinds) < 0.6
    assert set(WIRE) <= set().union(*kinds)
    assert 280 < len(set(kinds))


def test_longer_run_has_the_same_beginning() -> None:
    """A call's fault depends on seed, listener and number alone."""
    short, long = draw(7, days=1.0), draw(7, days=3.0)
    calls = [fault for fault in short.faults if fault.call is not None]

    assert calls
    assert set(calls) <= set(long.faults)


def test_planted_bug_of_three_faults_is_made_small() -> None:
    """Five faults or fewer are left, in sixty runs or fewer, whatever else was there."""
    sizes, runs = [], []
    for seed in SEEDS[:100]:
        plan = draw(seed)
        if len(plan.faults) < 10:
            continue
        shrinking = Shrinking(plan, partial(_has_all, set(Random(seed).sample(plan.faults, 3))))
        sizes.append(len(shrinking.shrink().faults))
        runs.append(shrinking.runs)

    assert 80 < len(sizes)
    assert 5 >= max(sizes)
    assert MOST_RUNS >= max(runs)


def _has_all(needed: set[Fault], plan: Plan) -> bool:
    return needed <= set(plan.faults)


def test_run_is_made_shorter_and_lonelier() -> None:
    """Days and people that a failure does not need are left out, too."""
    plan = draw(3, days=10.0, users=5)

    small = Shrinking(plan, lambda tried: tried.users >= 2 and tried.days >= 0.5).shrink()

    assert (2, 0.5, ()) == (small.users, small.days, small.faults)


def test_failure_that_needs_nothing_is_found_at_once() -> None:
    """A property that breaks without any fault is told so in few runs."""
    shrinking = Shrinking(draw(4), lambda _plan: True)

    assert () == shrinking.shrink().faults
    assert 3 >= shrinking.runs


def test_search_ends() -> None:
    """A failure that cannot be made small stops the search in time."""
    plan = draw(5)
    shrinking = Shrinking(plan, lambda tried: tried == plan)

    assert plan == shrinking.shrink()
    assert MOST_RUNS >= shrinking.runs


@pytest.mark.parametrize("seed", range(3))
def test_faults_are_those_of_the_listeners_there_are(seed: int) -> None:
    """No fault is for somebody who does not take part."""
    plan = draw(seed, users=2)

    assert {fault.listener for fault in plan.faults} <= {None, 0, 1}

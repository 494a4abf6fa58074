"""What one piece of work may spend."""

import pytest

from src.spotify.calls import CallBudget
from src.spotify.errors import CallCapReached
from src.utils.types import MicroUsd


def test_attempts_that_never_left_are_no_calls_but_use_up_the_cap() -> None:
    """Else a machine without a network would try for ever."""
    budget = CallBudget(None, max_calls=2)
    budget.count(MicroUsd(0), sent=False)
    budget.count(MicroUsd(100), sent=True)

    assert (1, 1, 100, 0) == (budget.calls, budget.unsent, budget.cost_micro, budget.left)
    with pytest.raises(CallCapReached), budget.hold():
        pass


def test_a_call_that_costs_nothing_is_a_call() -> None:
    """The price says nothing of whether an attempt was sent."""
    budget = CallBudget(None, max_calls=2)
    budget.count(MicroUsd(0), sent=True)

    assert (1, 0) == (budget.calls, budget.unsent)

"""Waits are spread and bounded; retries stay a tenth of the traffic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.utils.entropy import SeededEntropy
from src.utils.retry import RetryBudget, asked_wait, full_jitter


@given(attempt=st.integers(1, 10_000), seed=st.integers(0, 1000))
def test_full_jitter_never_leaves_its_range(attempt: int, seed: int) -> None:
    """However many attempts failed, the cap holds and nothing overflows."""
    wait_s = full_jitter(attempt, base_s=0.5, cap_s=8, entropy=SeededEntropy(seed))

    assert 0 <= wait_s <= min(8, 0.5 * 2.0 ** min(attempt, 32))


@pytest.mark.parametrize(("attempt", "longest_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8)])
def test_full_jitter_uses_the_whole_range(attempt: int, longest_s: float) -> None:
    """Waits double with each attempt and are spread from zero, half of the longest on average."""
    entropy = SeededEntropy("jitter")

    waits = [full_jitter(attempt, base_s=0.5, cap_s=8, entropy=entropy) for _ in range(500)]

    assert min(waits) < 0.05 * longest_s
    assert max(waits) > 0.95 * longest_s
    assert sum(waits) / 500 == pytest.approx(longest_s / 2, rel=0.1)


@given(asked_s=st.floats(0, 86_400), seed=st.integers(0, 1000))
def test_asked_wait_is_never_shorter_than_asked(asked_s: float, seed: int) -> None:
    """Coming back early would only be refused again."""
    wait_s = asked_wait(asked_s, entropy=SeededEntropy(seed))

    assert asked_s <= wait_s <= asked_s * 1.1 + 0.1


def test_budget_starts_with_ten_retries() -> None:
    """A fresh process may retry ten times, not eleven."""
    budget = RetryBudget()

    assert [True] * 10 + [False] == [budget.take() for _ in range(11)]


def test_ten_first_attempts_pay_for_one_retry() -> None:
    """Exactly ten: tenths add up without rounding."""
    budget = RetryBudget()
    while budget.take():
        pass

    for _ in range(9):
        budget.first()
    refused = budget.take()
    budget.first()

    assert not refused
    assert budget.take()
    assert not budget.take()


def test_budget_never_holds_more_than_its_most() -> None:
    """A quiet month does not save up a storm of retries."""
    budget = RetryBudget()
    for _ in range(10_000):
        budget.first()

    assert 10 == sum(budget.take() for _ in range(100))


def test_outage_adds_a_tenth_of_the_traffic() -> None:
    """Of a thousand operations that all fail, 109 are retried once."""
    budget = RetryBudget()
    retries = 0

    for _ in range(1000):
        budget.first()
        retries += budget.take()

    assert 109 == retries  # the first deposit finds the budget full

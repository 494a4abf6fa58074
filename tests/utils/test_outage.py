"""Breaker and retry budget together through a long outage."""

from dataclasses import dataclass, field

import pytest

from src.utils.circuit_breaker import BreakerOpen, CircuitBreaker
from src.utils.entropy import SeededEntropy
from src.utils.retry import RetryBudget, full_jitter
from tests.utils.stepped_clock import SteppedClock

OUTAGE_S = 300.0


class Unreachable(Exception):
    """The service did not answer."""


@dataclass
class Service:
    """Down for five minutes, then well; offered one operation a second, retried three times."""

    seed: int
    clock: SteppedClock = field(default_factory=SteppedClock)
    failed_attempts: int = 0
    well_since_s: float | None = None

    async def attempt(self, breaker: CircuitBreaker) -> None:
        """Make one attempt; 20 ms."""
        async with breaker.guard() as permit:
            await self.clock.sleep(0.02)
            if self.clock.monotonic() < OUTAGE_S:
                self.failed_attempts += 1
                permit.failed()
                raise Unreachable
            permit.answered()
        if self.well_since_s is None:
            self.well_since_s = self.clock.monotonic()

    async def operation(self, breaker: CircuitBreaker, budget: RetryBudget) -> None:
        """Try up to four times, as long as the budget pays."""
        entropy = SeededEntropy(f"retry {self.seed}")
        budget.first()
        for attempt in range(1, 5):
            try:
                await self.attempt(breaker)
            except Unreachable:
                if attempt == 4 or not budget.take():
                    return
                await self.clock.sleep(full_jitter(attempt, base_s=0.5, cap_s=8, entropy=entropy))
            except BreakerOpen:
                return
            else:
                return

    async def day(self) -> None:
        """Offer operations until ten minutes have passed."""
        entropy = SeededEntropy(f"breaker {self.seed}")
        breaker = CircuitBreaker("service", clock=self.clock, entropy=entropy)
        budget = RetryBudget()
        while self.clock.monotonic() < 2 * OUTAGE_S:
            await self.operation(breaker, budget)
            await self.clock.sleep(1)


@pytest.mark.parametrize("seed", range(3))
async def test_five_minutes_down_cost_at_most_twenty_attempts(seed: int) -> None:
    """The breaker leaves the service alone and is back within one rest, jitter included."""
    service = Service(seed)

    await service.clock.run(service.day())

    assert 10 <= service.failed_attempts <= 20
    assert service.well_since_s is not None
    assert service.well_since_s - OUTAGE_S <= 75

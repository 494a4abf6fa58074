"""The simulator's clock: frozen, stepped, accelerated; never backwards."""

from datetime import datetime, timedelta

import pytest

from simulator.clock import SimClock
from tests.simulator.driving import START


class Base:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.now_s


def test_world_time_runs_at_its_rate_and_wire_time_does_not() -> None:
    """Ten real seconds at rate 60 are ten minutes in the world and ten on the wire."""
    base = Base()
    clock = SimClock(base=base, start=START, rate=60)
    base.now_s += 10

    assert START + timedelta(minutes=10) == clock.now()
    assert 10 == clock.wire_s()


def test_a_step_moves_both_times_frozen_or_not() -> None:
    """Real seconds pass a frozen world by; a step does not."""
    base = Base()
    clock = SimClock(base=base, start=START, frozen=True)
    base.now_s += 5
    clock.step(30)

    assert START + timedelta(seconds=30) == clock.now()
    assert 35 == clock.wire_s()


def test_changes_leave_the_past_alone() -> None:
    """Freezing, thawing and a new rate go on from the present instant."""
    base = Base()
    clock = SimClock(base=base, start=START)
    base.now_s += 10
    clock.freeze()
    base.now_s += 10
    clock.freeze(frozen=False)
    clock.run_at(2)
    base.now_s += 10

    assert START + timedelta(seconds=30) == clock.now()
    assert (False, 2) == (clock.frozen, clock.rate)


def test_time_never_goes_back() -> None:
    """Negative steps and rates, and a start without zone, are refused."""
    clock = SimClock(start=START)
    for wrong in (lambda: clock.step(-1), lambda: clock.run_at(-1), lambda: SimClock(rate=1e9)):
        with pytest.raises(ValueError, match="must be"):
            wrong()
    with pytest.raises(ValueError, match="UTC"):
        SimClock(start=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test

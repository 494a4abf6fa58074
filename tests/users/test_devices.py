"""A browser that its user signed in with before is known by a mark it cannot make itself."""

import pytest

from src.runtime import Runtime
from src.users.devices import Devices
from tests.utils.stepped_clock import SteppedClock

DAY_S = 86_400


def test_a_mark_is_known_for_half_a_year(runtime: Runtime, clock: SteppedClock) -> None:
    """180 days after the last sign-in a browser is a stranger again."""
    devices = Devices(runtime)
    mark = devices.mark("ada")
    clock.jump(180 * DAY_S - 1)
    last = devices.knows("ada", mark)
    clock.jump(1)

    assert last
    assert not devices.knows("ada", mark)


def test_a_mark_is_its_users_alone(runtime: Runtime) -> None:
    """Who has an account of their own is no better known to that of another."""
    devices = Devices(runtime)

    assert not devices.knows("ada", devices.mark("eve"))
    assert "eve" not in devices.mark("eve")


@pytest.mark.parametrize(
    "forged",
    [None, "", ".", "9999999999", "9999999999.", "9999999999.00", "9" * 5000, "²³.a", "1.é"],
)
def test_what_was_not_given_here_is_not_known(runtime: Runtime, forged: str | None) -> None:
    """Nothing a browser may send is known or breaks anything."""
    assert not Devices(runtime).knows("ada", forged)


def test_a_mark_with_a_later_end_is_not_known(runtime: Runtime) -> None:
    """The end is signed too."""
    devices = Devices(runtime)
    ends_at, _, signature = devices.mark("ada").partition(".")

    assert not devices.knows("ada", f"{int(ends_at) + 1}.{signature}")

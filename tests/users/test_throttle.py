"""Failed sign-ins are counted by account and network, and nobody is locked out by strangers."""

import asyncio

import pytest

from src.runtime import Runtime
from src.users.errors import Throttled
from src.users.models import LoginThrottle
from src.users.throttle import Caller, Throttle, network_of
from tests.fixtures import DatabaseUrls
from tests.users.clients import read_column
from tests.utils.stepped_clock import SteppedClock

ADDRESS = "203.0.113.7"


async def blocked_s(throttle: Throttle, *, name: str = "ada", address: str = ADDRESS) -> float:
    """Seconds an attempt has to wait; 0 when it was counted."""
    try:
        await throttle.admit(name=name, caller=Caller(address))
    except Throttled as error:
        return error.retry_after_s or 0
    return 0


async def test_waits_double_up_to_a_quarter_of_an_hour(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Five are free; whoever comes back exactly in time waits twice as long each time."""
    throttle = Throttle(runtime)
    free = [await blocked_s(throttle) for _ in range(5)]
    waits = []
    for _ in range(12):
        waits.append(await blocked_s(throttle))
        clock.jump(waits[-1])
        assert 0 == await blocked_s(throttle)

    assert [0] * 5 == free
    assert [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] == waits


async def test_waiting_is_not_prolonged_by_asking(runtime: Runtime, clock: SteppedClock) -> None:
    """A refused attempt is not counted, so a retrying program is not shut out for good."""
    throttle = Throttle(runtime)
    for _ in range(5):
        await throttle.admit(name="ada", caller=Caller(ADDRESS))
    for _ in range(20):
        assert 0 < await blocked_s(throttle)
    clock.jump(2)

    assert 0 == await blocked_s(throttle)


async def test_guesses_at_once_cannot_slip_past(runtime: Runtime) -> None:
    """The counter is raised before anything is compared."""
    throttle = Throttle(runtime)

    results = await asyncio.gather(*(blocked_s(throttle) for _ in range(12)))

    assert 5 == results.count(0)


async def test_success_forgets_the_pair_and_takes_its_own_counts_back(runtime: Runtime) -> None:
    """Sign-ins that succeed never add up, however many there are."""
    throttle = Throttle(runtime)
    for _ in range(60):
        await throttle.forgive(await throttle.admit(name="ada", caller=Caller(ADDRESS)))

    assert 0 == await blocked_s(throttle)


async def test_a_network_may_fail_fifty_times_an_hour(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Many names from one network are a list being tried; others go on."""
    throttle = Throttle(runtime)
    for number in range(50):
        address = f"203.0.113.{number}"
        assert 0 == await blocked_s(throttle, name=f"user{number}", address=address)

    assert 72 == await blocked_s(throttle, name="one more")
    assert 0 == await blocked_s(throttle, name="one more", address="198.51.100.1")
    clock.jump(72)
    assert 0 == await blocked_s(throttle, name="one more")


async def test_an_account_is_slowed_and_never_blocked(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Past twenty failures an hour each attempt takes one to four seconds, from anywhere."""
    throttle = Throttle(runtime)
    took_s = []
    for number in range(45):
        before_s = clock.monotonic()
        await clock.run(throttle.admit(name="ada", caller=Caller(f"10.0.{number}.1")))
        took_s.append(round(clock.monotonic() - before_s, 3))

    assert [0.0] * 20 == took_s[:20]
    assert all(1 <= wait_s <= 4 for wait_s in took_s[20:])
    assert 4 == took_s[-1]


async def test_the_table_holds_no_names_and_no_addresses(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Keys are HMACs under a key of this installation."""
    await Throttle(runtime).admit(name="ada", caller=Caller(ADDRESS))

    keys = read_column(database_urls, LoginThrottle.__tablename__, "key")

    assert 3 == len(keys)
    assert all(64 == len(key) and set(key) <= set("0123456789abcdef") for key in keys)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_are_counted_by_network(address: str, network: str) -> None:
    """One subscriber has a whole /64 and may move about in it."""
    assert network == network_of(address)

"""Requests are counted over the last minute, by whoever makes them."""

from src.users.request_rate import RequestRates
from tests.utils.stepped_clock import SteppedClock


def asked(rates: RequestRates, key: str, times: int) -> int:
    """How many of so many requests at once are admitted."""
    return sum(rates.ask(key).admitted for _ in range(times))


def test_a_minute_holds_a_hundred_and_twenty(clock: SteppedClock) -> None:
    """The window moves: no minute, wherever it begins, holds more."""
    rates = RequestRates(clock)
    first = asked(rates, "ada", 70)
    clock.jump(59)
    second = asked(rates, "ada", 70)
    clock.jump(1)
    third = asked(rates, "ada", 100)

    assert [70, 50, 70] == [first, second, third]


def test_one_too_many_is_told_when_to_come_back(clock: SteppedClock) -> None:
    """The wait is the oldest request's; asking meanwhile does not prolong it."""
    rates = RequestRates(clock)
    asked(rates, "ada", 120)
    clock.jump(18.5)
    refused = [rates.ask("ada") for _ in range(50)][-1]
    clock.jump(refused.next_in_s)

    assert (False, 0, 42) == (refused.admitted, refused.left, refused.next_in_s)
    assert rates.ask("ada").admitted


def test_each_has_their_own(clock: SteppedClock) -> None:
    """What one spends is not missing to another."""
    rates = RequestRates(clock)
    asked(rates, "ada", 120)

    assert 119 == rates.ask("bob").left
    assert not rates.ask("ada").admitted


def test_who_does_not_come_back_is_forgotten(clock: SteppedClock) -> None:
    """The table holds those of the last two minutes, and their counts survive the sweeping."""
    rates = RequestRates(clock)
    for number in range(1000):
        rates.ask(number)
    clock.jump(59)
    asked(rates, "ada", 100)
    clock.jump(2)

    assert 19 == rates.ask("ada").left
    assert 1 == len(rates._seen)


def test_programs_can_read_the_rate(clock: SteppedClock) -> None:
    """The fields are those of the IETF's draft."""
    told = RequestRates(clock).ask("ada").headers()

    assert {"RateLimit-Policy": '"user";q=120;w=60', "RateLimit": '"user";r=119;t=60'} == told

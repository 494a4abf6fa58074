"""What a call costs, and since when."""

from datetime import UTC, datetime, timedelta

import pytest

from src.cost_tracking.prices import PRICES, Price, Service, price_at

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_web_api_call_costs_a_hundred_micro_dollars() -> None:
    """Signing in is free, whatever is asked."""
    assert 100 == price_at(Service.SPOTIFY_API, "show", NOW).of(1)
    assert 0 == price_at(Service.SPOTIFY_ACCOUNTS, "token_refresh", NOW).of(7)


def test_every_service_has_a_price() -> None:
    """No attempt can go unpriced, however long ago it was."""
    long_ago = datetime(1990, 1, 1, tzinfo=UTC)

    assert set(Service) == {price.service for price in PRICES}
    assert 100 == price_at(Service.SPOTIFY_API, "show", long_ago).of(1)


def test_a_new_price_counts_from_its_instant_on() -> None:
    """What was bought before keeps the price it had."""
    new = Price(service=Service.SPOTIFY_API, price_micro=250, valid_from=NOW)
    prices = (*PRICES, new)
    before = price_at(Service.SPOTIFY_API, "show", NOW - timedelta(seconds=1), prices=prices)

    assert 100 == before.of(1)
    assert new == price_at(Service.SPOTIFY_API, "show", NOW, prices=prices)


def test_an_operation_may_have_a_price_of_its_own() -> None:
    """The special price goes before the general one."""
    special = Price(service=Service.SPOTIFY_API, operation="search", price_micro=7, valid_from=NOW)

    assert special == price_at(Service.SPOTIFY_API, "search", NOW, prices=(*PRICES, special))
    assert 100 == price_at(Service.SPOTIFY_API, "show", NOW, prices=(*PRICES, special)).of(1)


@pytest.mark.parametrize(("quantity", "amount"), [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2)])
def test_parts_of_a_micro_dollar_are_rounded_up(quantity: int, amount: int) -> None:
    """A price is a ratio; an amount is whole and never too small."""
    price = Price(service=Service.SPOTIFY_API, price_micro=1, per_quantity=60, valid_from=NOW)

    assert amount == price.of(quantity)

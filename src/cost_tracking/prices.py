"""What a call costs: a price from a date on, as a ratio of whole micro-dollars."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from src.utils.types import MicroUsd

DEFAULT = "*"


class Service(StrEnum):
    """Who is called; also the names of the circuit breakers."""

    SPOTIFY_API = "spotify_api"
    SPOTIFY_ACCOUNTS = "spotify_accounts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """`price_micro` micro-dollars per `per_quantity` units, from `valid_from` (UTC) on.

    `operation` "*" stands for every operation without a price of its own.
    """

    service: Service
    price_micro: int
    valid_from: datetime
    per_quantity: int = 1
    operation: str = DEFAULT

    def of(self, quantity: int) -> MicroUsd:
        """Return what `quantity` units (>= 0) cost, rounded up to whole micro-dollars."""
        return MicroUsd(-(-quantity * self.price_micro // self.per_quantity))


_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)

PRICES = (
    Price(service=Service.SPOTIFY_API, price_micro=100, valid_from=_ALWAYS),
    Price(service=Service.SPOTIFY_ACCOUNTS, price_micro=0, valid_from=_ALWAYS),
)
"""Every price there ever was; a new one is added, none is changed."""


def price_at(
    service: Service, operation: str, at: datetime, *, prices: tuple[Price, ...] = PRICES
) -> Price:
    """Return the price of one operation at an instant.

    Args:
        service: Who is called.
        operation: What is asked of it.
        at: Aware UTC instant. Before the first price, the first one holds.
        prices: The list to look in.

    Returns:
        The latest price in force for the operation itself, or else for every operation.
    """
    own = [price for price in prices if price.service is service and price.operation == operation]
    found = own or [
        price for price in prices if price.service is service and price.operation == DEFAULT
    ]
    begun = [price for price in found if price.valid_from <= at]
    if begun:
        return max(begun, key=lambda price: price.valid_from)
    return min(found, key=lambda price: price.valid_from)

"""Replies about money; every sum is in micro-dollars (millionths of a US dollar)."""

from datetime import date, datetime

from pydantic import BaseModel


class Spend(BaseModel):
    """Calls that were sent, those of them that brought nothing, and what all of them cost."""

    calls: int = 0
    failed: int = 0
    amount_micro: int = 0


class OperationSpend(Spend):
    """What one operation of one service cost."""

    service: str
    operation: str


class DaySpend(Spend):
    """What one UTC day cost, and on what."""

    day: date
    by_operation: list[OperationSpend]


class PriceNow(BaseModel):
    """What a call to the Web API costs at present: `price_micro` per `per_quantity` calls."""

    price_micro: int
    per_quantity: int
    valid_from: datetime


class CostSummary(BaseModel):
    """What Spotify calls cost a user from `since` to `until`, both days included.

    `by_day` has every day of the period, oldest first; `by_operation` the dearest
    first. The money of both adds up to `total`. A call is an attempt that was sent,
    failed or not; one that never reached Spotify is none and costs nothing. The calls
    of `total`, `today` and `by_day` are those to the Web API; signing in and refreshing
    cost nothing and stand in `by_operation` alone. `first_sync` is what the user's first sync cost
    in all; null before there was one.
    """

    since: date
    until: date
    total: Spend
    today: Spend
    by_day: list[DaySpend]
    by_operation: list[OperationSpend]
    first_sync: Spend | None
    price: PriceNow

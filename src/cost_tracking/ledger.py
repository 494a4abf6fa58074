"""The record of what was spent: one row for each physical attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from src.cost_tracking import queries
from src.cost_tracking.prices import DEFAULT, Service, price_at
from src.cost_tracking.queries import DailySpend
from src.cost_tracking.schemas import CostSummary, DaySpend, OperationSpend, PriceNow, Spend
from src.database import Database, Session
from src.utils.types import MicroUsd, UserId

NOT_SENT = "not_sent"
"""Outcome of an attempt that never reached the other side; it costs nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One physical attempt, as it is to be recorded.

    Attributes:
        id: Identity of the attempt: recording it twice changes nothing.
        user_id: Who pays.
        service: Who was called.
        operation: What was asked.
        outcome: `ok`, `not_sent`, `cancelled`, or the code of the error.
        at: Instant at which it was handed to the wire, aware UTC; its day is the accounting day.
        status: HTTP status, if one came.
        run_id: The sync run it belongs to, if any.
    """

    id: UUID
    user_id: UserId
    service: Service
    operation: str
    outcome: str
    at: datetime
    status: int | None = None
    run_id: UUID | None = None

    @property
    def amount(self) -> MicroUsd:
        """What it costs, at the price of its own instant."""
        if self.outcome == NOT_SENT:
            return MicroUsd(0)
        return price_at(self.service, self.operation, self.at).of(1)


async def record(database: Database, attempt: Attempt) -> MicroUsd:
    """Write one attempt down, in a short transaction of its own.

    Idempotent. A user who was erased in the meantime leaves no row behind.

    Returns:
        What the attempt costs, in micro-dollars.
    """
    async with database.transaction(attempt.user_id) as session:
        await queries.add_entry(
            session,
            user_id=attempt.user_id,
            entry={
                "attempt": attempt.id,
                "run_id": attempt.run_id,
                "day": attempt.at.date(),
                "service": attempt.service.value,
                "operation": attempt.operation,
                "amount_micro": attempt.amount,
                "outcome": attempt.outcome,
                "status": attempt.status,
                "at": attempt.at,
            },
        )
    return attempt.amount


async def calls_since(session: Session, user_id: UserId, since: datetime) -> int:
    """Return how many calls to the Web API a user has made from `since` (aware UTC) on.

    Failed ones count; attempts that never left this machine do not.
    """
    return await queries.count_calls(
        session, user_id=user_id, service=Service.SPOTIFY_API.value, since=since
    )


async def summary(
    session: Session, user_id: UserId, *, since: date, until: date, now: datetime
) -> CostSummary:
    """Add up what a user spent, by day and by operation.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Whose ledger.
        since: First UTC day.
        until: Last UTC day, included, and not before `since`.
        now: Current instant, for today's spending and today's price.
    """
    rows = await queries.daily_spend(session, user_id=user_id, since=since, until=until)
    today = await queries.daily_spend(session, user_id=user_id, since=now.date(), until=now.date())
    first = await queries.first_run_spend(session, user_id=user_id)
    price = price_at(Service.SPOTIFY_API, DEFAULT, now)
    length = (until - since).days + 1
    return CostSummary(
        since=since,
        until=until,
        total=_sum(rows),
        today=_sum(today),
        by_day=[_day(since + timedelta(days=n), rows) for n in range(length)],
        by_operation=_by_operation(rows),
        first_sync=None
        if first is None
        else Spend(calls=first[0], failed=first[1], amount_micro=first[2]),
        price=PriceNow(
            price_micro=price.price_micro,
            per_quantity=price.per_quantity,
            valid_from=price.valid_from,
        ),
    )


def _sum(rows: Sequence[DailySpend]) -> Spend:
    """Add up money of every service, and calls, which are those to the Web API alone."""
    web = _add([row for row in rows if row.service == Service.SPOTIFY_API])
    return Spend(calls=web.calls, failed=web.failed, amount_micro=_add(rows).amount_micro)


def _add(rows: Sequence[DailySpend]) -> Spend:
    return Spend(
        calls=sum(row.calls for row in rows),
        failed=sum(row.failed for row in rows),
        amount_micro=sum(row.amount_micro for row in rows),
    )


def _day(day: date, rows: Sequence[DailySpend]) -> DaySpend:
    mine = [row for row in rows if row.day == day]
    return DaySpend(day=day, by_operation=_by_operation(mine), **_sum(mine).model_dump())


def _by_operation(rows: Sequence[DailySpend]) -> list[OperationSpend]:
    """Return one sum for each service and operation, the dearest first."""
    groups: dict[tuple[str, str], list[DailySpend]] = {}
    for row in rows:
        groups.setdefault((row.service, row.operation), []).append(row)
    found = [
        OperationSpend(service=service, operation=operation, **_add(group).model_dump())
        for (service, operation), group in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.amount_micro, one.service, one.operation))


async def sent_since(
    database: Database, service: Service, *, since: datetime, limit: int
) -> Sequence[datetime]:
    """Return when the newest attempts at `service` were sent by anybody, newest first.

    Args:
        database: Where the ledger is.
        service: Which service.
        since: Aware UTC instant; older ones are left out.
        limit: Most instants returned.
    """
    async with database.scheduling(write=False) as session:
        return await queries.recent_attempts_all_users(
            session, service=service.value, since=since, limit=limit
        )


async def count_since(database: Database, service: Service, *, since: datetime) -> int:
    """Return how many attempts at `service` by anybody are on record from `since` (aware UTC) on.

    Those that never reached the other side count too.
    """
    async with database.scheduling(write=False) as session:
        return await queries.count_attempts_all_users(session, service=service.value, since=since)

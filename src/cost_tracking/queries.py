"""Every SQL statement on the ledger."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Executable, bindparam, case, func, select

from src.cost_tracking.models import CostEntry, EntryKind
from src.database import Session, dialect_of, table_of, upsert
from src.users.models import User
from src.utils.types import UserId

_FAILED = func.sum(case((CostEntry.outcome == "ok", 0), else_=CostEntry.quantity))
_SENT: ColumnElement[bool] = CostEntry.outcome != "not_sent"
"""A call is an attempt that was sent; one that never left is on record, but is none."""


class DailySpend(NamedTuple):
    """Calls of one UTC day, service and operation; `failed` are those that brought nothing."""

    day: date
    service: str
    operation: str
    calls: int
    failed: int
    amount_micro: int


async def add_entry(session: Session, *, user_id: UserId, entry: Mapping[str, object]) -> None:
    """Add one row to the ledger, unless its `attempt` stands there already.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner; if the account is gone, nothing is added.
        entry: Columns of `CostEntry` and their values; `kind` and `quantity` have defaults.
    """
    values = {"kind": EntryKind.CHARGE.value, "quantity": 1, **entry}
    statement = _add_entry(dialect_of(session), tuple(values))
    await session.execute(statement, {**values, "owner": user_id})


@cache
def _add_entry(dialect: str, names: tuple[str, ...]) -> Executable:
    entry, users = table_of(CostEntry), table_of(User)
    columns = [bindparam(name, type_=entry.c[name].type).label(name) for name in names]
    owner = select(users.c.id, *columns).where(users.c.id == bindparam("owner"))
    statement: Executable = (
        upsert(dialect, CostEntry)
        .from_select(["user_id", *names], owner)
        .on_conflict_do_nothing(index_elements=["attempt"])
    )
    return statement


async def daily_spend(
    session: Session, *, user_id: UserId, since: date, until: date
) -> Sequence[DailySpend]:
    """Sum up a user's ledger by day, service and operation.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner.
        since: First UTC day.
        until: Last UTC day, included.

    Returns:
        At most one row for each day, service and operation, oldest day first.
    """
    rows = await session.execute(
        select(
            CostEntry.day,
            CostEntry.service,
            CostEntry.operation,
            func.sum(CostEntry.quantity),
            _FAILED,
            func.sum(CostEntry.amount_micro),
        )
        .where(CostEntry.user_id == user_id, CostEntry.day.between(since, until), _SENT)
        .group_by(CostEntry.day, CostEntry.service, CostEntry.operation)
        .order_by(CostEntry.day, CostEntry.service, CostEntry.operation)
    )
    return [
        DailySpend(day, service, operation, int(calls), int(bad), int(amount))
        for day, service, operation, calls, bad, amount in rows
    ]


async def count_calls(session: Session, *, user_id: UserId, service: str, since: datetime) -> int:
    """Count a user's calls to one service from `since` (aware UTC) on, failed ones too."""
    statement = select(func.count()).where(
        CostEntry.user_id == user_id, CostEntry.service == service, CostEntry.at >= since, _SENT
    )
    return int(await session.scalar(statement) or 0)


async def first_run_spend(session: Session, *, user_id: UserId) -> tuple[int, int, int] | None:
    """Sum up the run that the user's oldest call of any run belongs to.

    Returns:
        Calls, those that failed, and micro-dollars; None if no run ever made a call.
    """
    first_run = (
        select(CostEntry.run_id)
        .where(CostEntry.user_id == user_id, CostEntry.run_id.is_not(None), _SENT)
        .order_by(CostEntry.at, CostEntry.id)
        .limit(1)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(func.sum(CostEntry.quantity), _FAILED, func.sum(CostEntry.amount_micro)).where(
            CostEntry.user_id == user_id, CostEntry.run_id == first_run, _SENT
        )
    )
    calls, failed, amount = rows.one()
    return None if calls is None else (int(calls), int(failed), int(amount))


async def recent_attempts_all_users(
    session: Session, *, service: str, since: datetime, limit: int
) -> Sequence[datetime]:
    """Return when everybody's newest attempts at one service were sent, newest first.

    Args:
        session: Open transaction of the scheduler.
        service: Which service.
        since: Aware UTC instant; older ones are left out.
        limit: Most rows.
    """
    rows = await session.scalars(
        select(CostEntry.at)
        .where(CostEntry.service == service, CostEntry.at >= since, _SENT)
        .order_by(CostEntry.at.desc())
        .limit(limit)
    )
    return rows.all()


async def count_attempts_all_users(session: Session, *, service: str, since: datetime) -> int:
    """Count everybody's attempts at one service from `since` (aware UTC) on; scheduler only."""
    # The scheduler may read three columns of the ledger: naming one avoids asking for all.
    statement = select(func.count(CostEntry.at)).where(
        CostEntry.service == service, CostEntry.at >= since
    )
    return int(await session.scalar(statement) or 0)

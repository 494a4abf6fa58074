"""The record of what was spent: one row for each physical attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from src.cost_tracking import queries
from src.cost_tracking.prices import Service, price_at
from src.database import Database
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

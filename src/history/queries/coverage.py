"""Statements on what is known of which time, and on what may explain the rest."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from src.database import Session
from src.history.models import Coverage, CoverageSpan, HistoryRun
from src.spotify.models import Outcome, SyncRun
from src.utils.types import UserId


class Covered(NamedTuple):
    """A time of one class, a `src.history.coverage.Known`; UTC epoch seconds."""

    from_s: int
    to_s: int
    known: str


class TellsOf(NamedTuple):
    """A time of which a run tells something; see `src.history.models.CoverageSpan`."""

    run_id: UUID
    kind: str
    name: str
    from_s: int
    to_s: int
    known: str
    asked: int | None
    read: int | None
    cause: str | None


async def covered(
    session: Session, *, user_id: UserId, from_s: int, to_s: int
) -> Sequence[Covered]:
    """Return the swept spans that touch a time, in order; what is unknown is left out."""
    rows = await session.execute(
        select(Coverage.from_s, Coverage.to_s, Coverage.class_)
        .where(Coverage.user_id == user_id, Coverage.from_s < to_s, Coverage.to_s > from_s)
        .order_by(Coverage.from_s)
    )
    return [Covered(*row) for row in rows]


async def first_covered(session: Session, *, user_id: UserId) -> int | None:
    """Return the first second of which anything is known, UTC epoch, or None."""
    return await session.scalar(
        select(Coverage.from_s)
        .where(Coverage.user_id == user_id)
        .order_by(Coverage.from_s)
        .limit(1)
    )


async def told_of(
    session: Session, *, user_id: UserId, from_s: int, to_s: int
) -> Sequence[TellsOf]:
    """Return what runs tell of a time, in order of time."""
    span = CoverageSpan
    rows = await session.execute(
        select(
            span.run_id,
            HistoryRun.kind,
            HistoryRun.name,
            span.from_s,
            span.to_s,
            span.class_,
            span.asked,
            span.known,
            span.cause,
        )
        .join(HistoryRun, HistoryRun.id == span.run_id)
        .where(span.user_id == user_id, HistoryRun.user_id == user_id)
        .where(span.from_s < to_s, span.to_s > from_s)
        .order_by(span.from_s, span.to_s, span.id)
    )
    return [TellsOf(*row) for row in rows]


async def sync_outcomes(
    session: Session, *, user_id: UserId, since: datetime, until: datetime
) -> Sequence[tuple[datetime, Outcome]]:
    """Return when syncs ended, and how, in order of time."""
    rows = await session.execute(
        select(SyncRun.ended_at, SyncRun.outcome)
        .where(SyncRun.user_id == user_id, SyncRun.outcome.is_not(None))
        .where(SyncRun.ended_at >= since, SyncRun.ended_at < until)
        .order_by(SyncRun.ended_at)
    )
    return [(at, Outcome(outcome)) for at, outcome in rows if at is not None and outcome]


async def last_sync(session: Session, *, user_id: UserId) -> datetime | None:
    """Return when a sync last ended, or None."""
    return await session.scalar(
        select(func.max(SyncRun.ended_at)).where(SyncRun.user_id == user_id)
    )

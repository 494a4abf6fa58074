"""Statements on schedules and runs: who is due, who holds the lease, how a run stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from src.cost_tracking.models import CostEntry
from src.database import Session, table_of
from src.spotify.models import (
    QuotaBucket,
    RunState,
    SpotifyConnection,
    SyncRun,
    SyncSchedule,
)
from src.users.models import ApiToken, UserSession
from src.utils.types import UserId

# Written with every page, hence built once; the columns to set are those of the parameters.
_SCHEDULE = table_of(SyncSchedule)
_WRITE_SCHEDULE = (
    update(_SCHEDULE)
    .where(_SCHEDULE.c.user_id == bindparam("owner"), _SCHEDULE.c.fence == bindparam("claim"))
    .returning(_SCHEDULE.c.user_id)
)
_RUN = table_of(SyncRun)
_WRITE_RUN = update(_RUN).where(_RUN.c.user_id == bindparam("owner"), _RUN.c.id == bindparam("of"))


class Claim(NamedTuple):
    """The right to run one user's sync, as long as nobody raises the fence."""

    user_id: UserId
    fence: int


def _wanted() -> ColumnElement[bool]:
    return and_(SyncSchedule.active, or_(SyncSchedule.requested, SyncSchedule.paused.is_(False)))


def _parked(now: datetime) -> ColumnElement[bool]:
    return exists().where(
        QuotaBucket.account == SyncSchedule.account, QuotaBucket.parked_until > now
    )


async def claim_due_all_users(
    session: Session, *, now: datetime, lease_until: datetime, limit: int
) -> list[Claim]:
    """Claim users who are due, longest due first, for runs that hold until `lease_until`.

    Skips who paused, whose grant is gone, whose developer account is parked, and who is
    claimed already. The row stays due, so that a run that dies is claimed again.

    Args:
        session: Open writing transaction of the scheduler.
        now: The present instant, aware UTC.
        lease_until: When the claims lapse unless they are renewed.
        limit: Most users.
    """
    due = (
        select(SyncSchedule.user_id)
        .where(
            _wanted(),
            SyncSchedule.next_sync_at <= now,
            SyncSchedule.lease_until <= now,
            ~_parked(now),
        )
        .order_by(SyncSchedule.next_sync_at, SyncSchedule.user_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=SyncSchedule)
    )
    user_ids = list(await session.scalars(due))
    if not user_ids:
        return []
    rows = await session.execute(
        update(SyncSchedule)
        .where(SyncSchedule.user_id.in_(user_ids))
        .values(fence=SyncSchedule.fence + 1, lease_until=lease_until)
        .returning(SyncSchedule.user_id, SyncSchedule.fence)
        .execution_options(synchronize_session=False)
    )
    fences = {row.user_id: row.fence for row in rows}
    return [Claim(UserId(user_id), fences[user_id]) for user_id in user_ids]


async def next_due_all_users(session: Session, *, now: datetime) -> datetime | None:
    """Return the next instant at which somebody can be claimed; None if nobody ever will be.

    A lease in force counts until its end, since its holder may die; a parked account
    until it is free. The instant may be in the past: claim at once.
    """
    when = case(
        (SyncSchedule.lease_until > SyncSchedule.next_sync_at, SyncSchedule.lease_until),
        else_=SyncSchedule.next_sync_at,
    )
    free = await session.scalar(select(func.min(when)).where(_wanted(), ~_parked(now)))
    unparked = await session.scalar(
        select(func.min(QuotaBucket.parked_until)).where(QuotaBucket.parked_until > now)
    )
    return min((instant for instant in (free, unparked) if instant), default=None)


async def break_leases_all_users(session: Session, *, now: datetime) -> None:
    """Let every lease lapse: at the start of the only process there is, nobody runs."""
    await session.execute(
        update(SyncSchedule)
        .where(SyncSchedule.lease_until > now)
        .values(lease_until=now)
        .execution_options(synchronize_session=False)
    )


async def hold(session: Session, *, user_id: UserId, fence: int, lease_until: datetime) -> bool:
    """Renew the lease of a claim; false, and nothing written, if it was lost.

    First statement of every transaction of a run: it locks the schedule's row, so
    that nobody can take the claim before the rest is committed.
    """
    return await write_schedule(
        session, user_id=user_id, fence=fence, values={"lease_until": lease_until}
    )


async def write_schedule(
    session: Session, *, user_id: UserId, fence: int, values: Mapping[str, Any]
) -> bool:
    """Write columns of the user's schedule if `fence` is still the claim's; false if not."""
    mine = {"owner": user_id, "claim": fence}
    return (await session.execute(_WRITE_SCHEDULE, {**values, **mine})).first() is not None


async def schedule_of(session: Session, *, user_id: UserId) -> SyncSchedule | None:
    """Return the user's schedule with the quotas of its account, None without any."""
    statement = select(SyncSchedule).where(SyncSchedule.user_id == user_id)
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def set_schedule(
    session: Session,
    *,
    user_id: UserId,
    values: Mapping[str, Any],
    due_by: datetime | None = None,
) -> bool:
    """Write columns that belong to the user (interval, pause, request); false without a row.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner.
        values: Columns and their values.
        due_by: Bring the next sync forward to this instant (aware UTC) at the latest. It is
            compared by the database, so that no plan made meanwhile is lost.
    """
    due = SyncSchedule.next_sync_at
    if due_by is not None:
        latest = literal(due_by, SyncSchedule.__table__.c.next_sync_at.type)
        values = {**values, "next_sync_at": case((due > latest, latest), else_=due)}
    result = await session.execute(
        update(SyncSchedule)
        .where(SyncSchedule.user_id == user_id)
        .values(**values)
        .returning(SyncSchedule.user_id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def connection_state(
    session: Session, *, user_id: UserId
) -> tuple[str, str | None, datetime] | None:
    """Return state, reason and instant of the user's connection, None without one."""
    row = SpotifyConnection
    found = (
        await session.execute(
            select(row.state, row.reason, row.connected_at).where(row.user_id == user_id)
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def open_run(session: Session, *, user_id: UserId) -> SyncRun | None:
    """Return the user's run that is queued or running, if any."""
    statement = select(SyncRun).where(SyncRun.user_id == user_id, SyncRun.state != RunState.ENDED)
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def run_of(session: Session, *, user_id: UserId, run_id: UUID) -> SyncRun | None:
    """Return one of the user's runs."""
    statement = select(SyncRun).where(SyncRun.user_id == user_id, SyncRun.id == run_id)
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def runs(
    session: Session, *, user_id: UserId, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[SyncRun]:
    """Return the user's runs, newest first.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner.
        before: `created_at` and `id` of the last run already shown; None starts at the newest.
        limit: Most rows.
    """
    statement = select(SyncRun).where(SyncRun.user_id == user_id)
    if before is not None:
        place = tuple_(SyncRun.created_at, SyncRun.id)
        statement = statement.where(place < tuple_(*before, types=_PLACE))
    ordered = statement.order_by(SyncRun.created_at.desc(), SyncRun.id.desc()).limit(limit)
    return (await session.scalars(ordered)).all()


_PLACE = [SyncRun.__table__.c.created_at.type, SyncRun.__table__.c.id.type]


async def add_run(session: Session, *, user_id: UserId, run: SyncRun) -> None:
    """Store a run of the user's; raises IntegrityError while another one is open."""
    run.user_id = user_id
    session.add(run)
    await session.flush()


async def update_run(
    session: Session, *, user_id: UserId, run_id: UUID, values: Mapping[str, Any]
) -> None:
    """Write columns of a run: its progress, or its end."""
    await session.execute(_WRITE_RUN, {**values, "owner": user_id, "of": run_id})


async def calls_of_run(
    session: Session, *, user_id: UserId, run_id: UUID, service: str
) -> tuple[int, int, int]:
    """Count a run's attempts at `service` in the ledger.

    Returns:
        Those that were sent, those that never left, and the micro-dollars of all.
    """
    unsent = case((CostEntry.outcome == "not_sent", 1), else_=0)
    row = (
        await session.execute(
            select(
                func.count(),
                func.coalesce(func.sum(unsent), 0),
                func.coalesce(func.sum(CostEntry.amount_micro), 0),
            ).where(
                CostEntry.user_id == user_id,
                CostEntry.run_id == run_id,
                CostEntry.service == service,
            )
        )
    ).one()
    return int(row[0]) - int(row[1]), int(row[1]), int(row[2])


async def current_run(session: Session, *, user_id: UserId) -> SyncRun | None:
    """Return the user's run that waits or is under way, or else the last one."""
    found = await open_run(session, user_id=user_id)
    if found is None:
        found = next(iter(await runs(session, user_id=user_id, before=None, limit=1)), None)
    return found


async def is_signed_in(
    session: Session,
    *,
    user_id: UserId,
    session_id: int | None,
    token_id: int | None,
    now: datetime,
) -> bool:
    """Tell whether the user's browser session, or bearer token, still holds at `now` (UTC)."""
    model, row_id = (UserSession, session_id) if session_id is not None else (ApiToken, token_id)
    statement = select(model.id).where(
        model.user_id == user_id, model.id == row_id, model.expires_at > now
    )
    return (await session.execute(statement)).first() is not None

"""Statements on runs and their files: who may work on one, how far it is, what is left over."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from src.database import Session, is_unique_violation
from src.history.errors import ImportRunning
from src.history.models import HistoryFile, HistoryRun, RunKind, RunState
from src.utils.types import UserId

OPEN = (RunState.QUEUED, RunState.RUNNING, RunState.UNDOING)
"""States that are work for the background."""


UNDER_WAY = frozenset({RunState.UPLOADING, *OPEN})
"""States that end by themselves."""


class Claim(NamedTuple):
    """The right to work on one run, as long as nobody raises the fence."""

    user_id: UserId
    run_id: UUID
    fence: int


async def claim_due_all_users(
    session: Session, *, now_s: int, lease_until_s: int, limit: int
) -> list[Claim]:
    """Claim runs that wait, or whose holder died, for work until `lease_until_s`.

    Args:
        session: Open writing transaction of the scheduler.
        now_s: The present, UTC epoch seconds.
        lease_until_s: When the claims lapse unless they are renewed.
        limit: Most runs.
    """
    due = (
        select(HistoryRun.id)
        .where(HistoryRun.state.in_(OPEN), HistoryRun.lease_until_s <= now_s)
        .order_by(HistoryRun.created_s, HistoryRun.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(await session.scalars(due))
    if not ids:
        return []
    rows = await session.execute(
        update(HistoryRun)
        .where(HistoryRun.id.in_(ids))
        .values(fence=HistoryRun.fence + 1, lease_until_s=lease_until_s)
        .returning(HistoryRun.user_id, HistoryRun.id, HistoryRun.fence)
        .execution_options(synchronize_session=False)
    )
    return [Claim(UserId(row[0]), row[1], row[2]) for row in rows]


async def next_due_all_users(session: Session) -> int | None:
    """Return when the next run can be claimed, UTC epoch seconds; None if there is none."""
    return await session.scalar(
        select(func.min(HistoryRun.lease_until_s)).where(HistoryRun.state.in_(OPEN))
    )


async def left_over_all_users(session: Session, *, before_s: int) -> list[tuple[UserId, UUID]]:
    """Return uploads begun before an instant (UTC epoch) that never became whole."""
    rows = await session.execute(
        select(HistoryRun.user_id, HistoryRun.id)
        .where(HistoryRun.state == RunState.UPLOADING, HistoryRun.created_s < before_s)
        .order_by(HistoryRun.id)
    )
    return [(UserId(row[0]), row[1]) for row in rows]


async def under_way_all_users(session: Session, *, run_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these runs need their files."""
    rows = await session.scalars(
        select(HistoryRun.id).where(HistoryRun.id.in_(run_ids), HistoryRun.state.in_(UNDER_WAY))
    )
    return set(rows)


async def hold(
    session: Session, *, user_id: UserId, run_id: UUID, fence: int, values: Mapping[str, Any]
) -> bool:
    """Write columns of a run if `fence` is still the claim's; false if it is not.

    First statement of every transaction of a run's work: it locks the row, so that nobody
    can take the claim before the rest is committed.
    """
    result = await session.execute(
        update(HistoryRun)
        .where(HistoryRun.user_id == user_id, HistoryRun.id == run_id, HistoryRun.fence == fence)
        .values(**values)
        .returning(HistoryRun.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def change(
    session: Session,
    *,
    user_id: UserId,
    run_id: UUID,
    expected: Collection[RunState],
    values: Mapping[str, Any],
) -> bool:
    """Write columns of a run if it is in one of the `expected` states; false if it is not.

    Raises:
        ImportRunning: The run would be open, and the user has another one that is.
    """
    statement = (
        update(HistoryRun)
        .where(
            HistoryRun.user_id == user_id,
            HistoryRun.id == run_id,
            HistoryRun.state.in_(expected),
        )
        .values(**values)
        .returning(HistoryRun.id)
        .execution_options(synchronize_session=False)
    )
    try:
        return (await session.execute(statement)).first() is not None
    except IntegrityError as error:
        raise _named(error) from error


def _named(error: IntegrityError) -> Exception:
    return ImportRunning() if is_unique_violation(error) else error


async def add(
    session: Session, *, user_id: UserId, run: HistoryRun, files: Sequence[HistoryFile]
) -> None:
    """Store a run with its files.

    Raises:
        ImportRunning: The run is open, and the user has another one that is.
    """
    run.user_id = user_id
    session.add(run)
    try:
        await session.flush()
    except IntegrityError as error:
        raise _named(error) from error
    await add_files(session, user_id=user_id, files=files)


async def add_files(session: Session, *, user_id: UserId, files: Sequence[HistoryFile]) -> None:
    """Store files of a run of the user's."""
    for file in files:
        file.user_id = user_id
        session.add(file)
    await session.flush()


async def run_of(session: Session, *, user_id: UserId, run_id: UUID) -> HistoryRun | None:
    """Return one of the user's runs."""
    statement = select(HistoryRun).where(HistoryRun.user_id == user_id, HistoryRun.id == run_id)
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def open_import(session: Session, *, user_id: UserId) -> HistoryRun | None:
    """Return the import of the user's that waits or is worked on, or is being undone."""
    statement = select(HistoryRun).where(
        HistoryRun.user_id == user_id,
        HistoryRun.kind == RunKind.IMPORT,
        HistoryRun.state.in_(OPEN),
    )
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def imports(
    session: Session, *, user_id: UserId, before: tuple[int, UUID] | None, limit: int
) -> Sequence[HistoryRun]:
    """Return the user's imports, newest first.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner.
        before: `created_s` and `id` of the last one already shown; None starts at the newest.
        limit: Most rows.
    """
    statement = select(HistoryRun).where(
        HistoryRun.user_id == user_id, HistoryRun.kind == RunKind.IMPORT
    )
    if before is not None:
        place = tuple_(HistoryRun.created_s, HistoryRun.id)
        statement = statement.where(place < tuple_(*before, types=_PLACE))
    ordered = statement.order_by(HistoryRun.created_s.desc(), HistoryRun.id.desc()).limit(limit)
    return (await session.scalars(ordered)).all()


_PLACE = [HistoryRun.__table__.c.created_s.type, HistoryRun.__table__.c.id.type]


async def files(session: Session, *, user_id: UserId, run_id: UUID) -> Sequence[HistoryFile]:
    """Return the files of a run, in order."""
    statement = (
        select(HistoryFile)
        .where(HistoryFile.user_id == user_id, HistoryFile.run_id == run_id)
        .order_by(HistoryFile.position)
    )
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


async def update_file(
    session: Session, *, user_id: UserId, run_id: UUID, position: int, values: Mapping[str, Any]
) -> None:
    """Write columns of a file of a run."""
    await session.execute(
        update(HistoryFile)
        .where(
            HistoryFile.user_id == user_id,
            HistoryFile.run_id == run_id,
            HistoryFile.position == position,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def remove(session: Session, *, user_id: UserId, run_id: UUID) -> None:
    """Delete a run whose files never became whole, with what is known of them."""
    await session.execute(
        delete(HistoryRun)
        .where(
            HistoryRun.user_id == user_id,
            HistoryRun.id == run_id,
            HistoryRun.state == RunState.UPLOADING,
        )
        .execution_options(synchronize_session=False)
    )

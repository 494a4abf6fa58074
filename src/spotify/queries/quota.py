"""Statements on the quota, which all users of one developer account share."""

from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update

from src.database import Session, upsert
from src.spotify.models import QuotaBucket, QuotaSlot

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


async def bucket_all_users(session: Session, *, account: str, bucket: str) -> QuotaBucket | None:
    """Return a bucket as it is, None if no call ever counted in it."""
    return await session.get(QuotaBucket, (account, bucket))


async def locked_bucket_all_users(
    session: Session, *, account: str, bucket: str, ceiling: int
) -> QuotaBucket:
    """Return a bucket, made if need be, which nobody else changes until the transaction ends.

    Args:
        session: Open writing transaction of the caller.
        account: Key of the developer account.
        bucket: Name of the bucket.
        ceiling: Ceiling of a bucket that is made.
    """
    # PostgreSQL locks the row; SQLite has the one lock that writing transactions begin with.
    locked = (
        select(QuotaBucket)
        .where(QuotaBucket.account == account, QuotaBucket.bucket == bucket)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: QuotaBucket | None = await session.scalar(locked)
    if found is None:
        await session.execute(
            upsert(session, QuotaBucket)
            .values(account=account, bucket=bucket, ceiling=ceiling, parked_until=_NEVER)
            .on_conflict_do_nothing()
        )
        found = (await session.scalars(locked)).one()
    return found


async def park_bucket_all_users(
    session: Session, *, account: str, bucket: str, ceiling: int, until: datetime, reason: str
) -> None:
    """Write down until when a bucket is parked, and the ceiling that was learnt."""
    await session.execute(
        update(QuotaBucket)
        .where(QuotaBucket.account == account, QuotaBucket.bucket == bucket)
        .values(ceiling=ceiling, parked_until=until, reason=reason)
    )


async def used_slots_all_users(
    session: Session, *, account: str, bucket: str, after: int
) -> tuple[int, int] | None:
    """Return the first slot after `after`, and the calls of all of them; None without any."""
    rows = await session.execute(
        select(func.min(QuotaSlot.slot), func.sum(QuotaSlot.used)).where(
            QuotaSlot.account == account, QuotaSlot.bucket == bucket, QuotaSlot.slot > after
        )
    )
    first, used = rows.one()
    return (int(first), int(used)) if used else None


async def count_all_users(session: Session, *, account: str, bucket: str, slot: int) -> int:
    """Count one call in a slot and return the calls now in it."""
    statement = (
        upsert(session, QuotaSlot)
        .values(account=account, bucket=bucket, slot=slot, used=1)
        .on_conflict_do_update(
            index_elements=["account", "bucket", "slot"], set_={"used": QuotaSlot.used + 1}
        )
        .returning(QuotaSlot.used)
    )
    return int((await session.execute(statement)).scalar_one())


async def forget_slots_all_users(
    session: Session, *, account: str, bucket: str, until: int
) -> None:
    """Delete the slots up to and including `until`, which count no more."""
    await session.execute(
        delete(QuotaSlot).where(
            QuotaSlot.account == account, QuotaSlot.bucket == bucket, QuotaSlot.slot <= until
        )
    )

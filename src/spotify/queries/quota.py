"""Statements on the quota, which all users of one developer account share."""

from datetime import UTC, datetime
from functools import cache

from sqlalchemy import Executable, bindparam, delete, func, select, update

from src.database import Session, dialect_of, table_of, upsert
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
    of = {"account": account, "bucket": bucket}
    found: QuotaBucket | None = await session.scalar(_LOCKED, of)
    if found is None:
        await session.execute(
            upsert(dialect_of(session), QuotaBucket)
            .values(account=account, bucket=bucket, ceiling=ceiling, parked_until=_NEVER)
            .on_conflict_do_nothing()
        )
        found = (await session.scalars(_LOCKED, of)).one()
    return found


# PostgreSQL locks the row; SQLite has the one lock that writing transactions begin with.
_LOCKED = (
    select(QuotaBucket)
    .where(QuotaBucket.account == bindparam("account"), QuotaBucket.bucket == bindparam("bucket"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


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
    of = {"account": account, "bucket": bucket, "after": after}
    first, used = (await session.execute(_USED, of)).one()
    return (int(first), int(used)) if used else None


_SLOT = table_of(QuotaSlot)
_USED = select(func.min(_SLOT.c.slot), func.sum(_SLOT.c.used)).where(
    _SLOT.c.account == bindparam("account"),
    _SLOT.c.bucket == bindparam("bucket"),
    _SLOT.c.slot > bindparam("after"),
)


async def count_all_users(session: Session, *, account: str, bucket: str, slot: int) -> int:
    """Count one call in a slot and return the calls now in it."""
    values = {"account": account, "bucket": bucket, "slot": slot, "used": 1}
    return int((await session.execute(_count(dialect_of(session)), values)).scalar_one())


@cache
def _count(dialect: str) -> Executable:
    statement: Executable = (
        upsert(dialect, QuotaSlot)
        .on_conflict_do_update(
            index_elements=["account", "bucket", "slot"], set_={"used": _SLOT.c.used + 1}
        )
        .returning(_SLOT.c.used)
    )
    return statement


async def forget_slots_all_users(
    session: Session, *, account: str, bucket: str, until: int
) -> None:
    """Delete the slots up to and including `until`, which count no more."""
    await session.execute(
        delete(QuotaSlot).where(
            QuotaSlot.account == account, QuotaSlot.bucket == bucket, QuotaSlot.slot <= until
        )
    )

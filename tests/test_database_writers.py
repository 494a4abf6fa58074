"""Writers of one process queue for SQLite's one lock, so that none waits in vain."""

import asyncio
import shutil
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.util import greenlet_spawn

from src.database import Database
from src.users.models import LoginThrottle
from tests.fixtures import START
from tests.utils.stepped_clock import SteppedClock

WRITERS = 30


async def test_writers_take_turns_in_the_order_they_came(
    sqlite_template: Path, tmp_path: Path, clock: SteppedClock
) -> None:
    """Without any patience for a lock that is held, thirty writers at once all get theirs."""
    file = tmp_path / "playhead.db"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite:///{file}", clock=clock, busy_timeout_ms=0)
    order: list[int] = []

    async def write(number: int) -> None:
        async with database.shared(write=True) as session:
            session.add(LoginThrottle(key=f"{number}", level=1.0, updated_at=START))
            await session.flush()
            order.append(number)

    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    async with database.shared() as session:
        stored = await session.scalar(select(func.count()).select_from(LoginThrottle))
    await database.close()

    assert WRITERS == stored
    assert list(range(WRITERS)) == order


async def test_a_connection_given_back_in_mid_transaction_keeps_no_lock(
    sqlite_template: Path, tmp_path: Path, clock: SteppedClock
) -> None:
    """Whatever was left open is rolled back, so that the next writer finds the lock free."""
    file = tmp_path / "playhead.db"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite:///{file}", clock=clock, busy_timeout_ms=0)
    raw = await database.engine.raw_connection()
    assert raw.driver_connection is not None
    await raw.driver_connection.execute("begin immediate")
    await greenlet_spawn(raw.close)
    async with database.shared(write=True) as session:
        session.add(LoginThrottle(key="next", level=1.0, updated_at=START))
    async with database.shared() as session:
        stored = await session.scalar(select(func.count()).select_from(LoginThrottle))
    await database.close()

    assert 1 == stored

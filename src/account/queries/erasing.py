"""Statements that erase a user, and that tell whether there are others."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.engine import make_url

from src.database import Database, Session, rows_changed, tenant_tables
from src.history.models import HistoryRun, HistoryState
from src.spotify.models import Play, SavedShow, SpotifyConnection, SyncSchedule
from src.users.models import ApiToken, Installation, Role, User, UserSession
from src.utils.types import UserId

_PATIENCE_S = 10.0
_TELL_OF_USERS = (
    *(UserSession, ApiToken, SpotifyConnection, SyncSchedule),
    *(SavedShow, Play, HistoryRun),
)
"""Where the scheduler, who sees no names, can tell that somebody uses this Playhead."""


async def used_by_others_all_users(session: Session, *, but: UserId) -> bool:
    """Tell whether anybody but one user is signed in here, or has data.

    Args:
        session: Open transaction of the scheduler.
        but: Who does not count.
    """
    for one in _TELL_OF_USERS:
        found = await session.execute(select(one.user_id).where(one.user_id != but).limit(1))
        if found.first() is not None:
            return True
    return False


async def stop_imports(session: Session, *, user_id: UserId) -> Sequence[UUID]:
    """Take the right to write from every run of the user's history; returns them all.

    Waits for what a run is just storing, so that what follows finds all its rows.
    """
    stopped = await session.scalars(
        update(HistoryRun)
        .where(HistoryRun.user_id == user_id)
        .values(fence=HistoryRun.fence + 1)
        .returning(HistoryRun.id)
        .execution_options(synchronize_session=False)
    )
    await rows_changed(
        session,
        update(HistoryState)
        .where(HistoryState.user_id == user_id)
        .values(version=HistoryState.version + 1),
    )
    return stopped.all()


async def erase(session: Session, *, user_id: UserId) -> bool:
    """Delete the user and every row of theirs; false if there was no such user.

    If they owned this Playhead, nobody does from now on.
    """
    role = await session.scalar(select(User.role).where(User.id == user_id))
    if role == Role.OWNER:
        await session.execute(update(Installation).values(owned=False))
    # With the user go all rows that refer to them, and nothing can refer to them now.
    existed = await rows_changed(session, delete(User).where(User.id == user_id))
    for table in tenant_tables().values():
        if table.name != User.__tablename__ and not table.c.user_id.foreign_keys:
            await session.execute(delete(table).where(table.c.user_id == user_id))
    return bool(existed)


async def overwrite_deleted_all_users(database: Database) -> bool:
    """Let SQLite write its file anew, without what was deleted; false if it is in use.

    Otherwise deleted rows stay in the file, and in the log beside it, until their place is
    needed. PostgreSQL does so by itself. Writers wait meanwhile, about a second for 100 MB.
    """
    if not database.is_sqlite:
        return True
    return await asyncio.to_thread(_vacuum, make_url(database.url).database or "")


def _vacuum(file: str) -> bool:
    # The guards of the product's own connections would refuse it: it reads everybody's rows.
    with closing(sqlite3.connect(file, timeout=_PATIENCE_S, isolation_level=None)) as connection:
        try:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        except sqlite3.OperationalError:
            return False
    return True

"""Statements that put the rows of an export in place, in an account that holds none."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, delete, exists, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from src.account.errors import ExportDamaged, HeldBySomebody
from src.cost_tracking.models import CostEntry
from src.database import Base, Session, dialect_of, is_unique_violation, table_of, upsert
from src.history.models import (
    CoverageSpan,
    HistoryEdit,
    HistoryEpisode,
    HistoryFile,
    HistoryRun,
    HistoryShow,
    ObservationRow,
    Touched,
)
from src.spotify.models import Episode, Play, SavedEpisode, SavedShow, Show, SyncRun
from src.users.models import User
from src.utils.types import UserId

Rows = Sequence[Mapping[str, Any]]

_HELD: Mapping[str, tuple[type[Any], ...]] = {
    "listening history": (HistoryRun, HistoryShow, HistoryEpisode, ObservationRow, HistoryEdit),
    "a library": (SavedShow, SavedEpisode, Play),
    "syncs": (SyncRun,),
    "costs": (CostEntry,),
}
_OF_USER: Mapping[str, type[Base]] = {
    "runs": HistoryRun,
    "files": HistoryFile,
    "edits": HistoryEdit,
    "spans": CoverageSpan,
    "saved_shows": SavedShow,
    "saved_episodes": SavedEpisode,
    "resume_points": Play,
    "sync_runs": SyncRun,
}
_CATALOGUE: Mapping[str, type[Base]] = {"catalogue_shows": Show, "catalogue_episodes": Episode}


async def held(session: Session, *, user_id: UserId) -> list[str]:
    """Return in words what the user has that a restore would bring."""
    found = []
    for words, models in _HELD.items():
        for model in models:
            own = select(exists().where(model.user_id == user_id))
            if (await session.execute(own)).scalar_one():
                found.append(words)
                break
    return found


async def _put(session: Session, statement: Insert, rows: Rows) -> None:
    """Add rows.

    Raises:
        HeldBySomebody: A row is there, in whatever account.
        ExportDamaged: A value is none that the column takes, or leads nowhere.
    """
    if not rows:
        return
    try:
        await session.execute(statement, [dict(row) for row in rows])
    except StatementError as error:
        if isinstance(error, IntegrityError) and is_unique_violation(error):
            raise HeldBySomebody from error
        if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError):
            raise
        raise ExportDamaged(statement.table.name, "a value cannot be stored") from error
    except OverflowError as error:
        raise ExportDamaged(statement.table.name, "a number is too large") from error


async def add(session: Session, kind: str, rows: Rows, *, user_id: UserId) -> None:
    """Add rows of the user's of one kind: runs, files, edits, spans or a part of the library."""
    owned = [{**row, "user_id": user_id} for row in rows]
    await _put(session, insert(table_of(_OF_USER[kind])), owned)


async def add_to_catalogue_all_users(session: Session, kind: str, rows: Rows) -> None:
    """Add shows or episodes to the catalogue; those that are there stay as they are."""
    statement = upsert(dialect_of(session), _CATALOGUE[kind]).on_conflict_do_nothing()
    await _put(session, statement, rows)


async def add_shows(session: Session, rows: Rows, *, user_id: UserId) -> dict[str, int]:
    """Add shows of the history, and return the row of each by its name as compared."""
    await _put(
        session, insert(table_of(HistoryShow)), [{**row, "user_id": user_id} for row in rows]
    )
    names = [row["name_norm"] for row in rows]
    found = await session.execute(
        select(HistoryShow.name_norm, HistoryShow.id).where(
            HistoryShow.user_id == user_id, HistoryShow.name_norm.in_(names)
        )
    )
    return {row[0]: row[1] for row in found}


async def add_episodes(session: Session, rows: Rows, *, user_id: UserId) -> dict[str, int]:
    """Add episodes of the history, and return the row of each by identity."""
    owned = [{**row, "user_id": user_id} for row in rows]
    await _put(session, insert(table_of(HistoryEpisode)), owned)
    found = await session.execute(
        select(HistoryEpisode.identity, HistoryEpisode.id).where(
            HistoryEpisode.user_id == user_id,
            HistoryEpisode.identity.in_([row["identity"] for row in rows]),
        )
    )
    return {row[0]: row[1] for row in found}


async def add_costs(session: Session, rows: Rows, *, user_id: UserId) -> None:
    """Add entries of the ledger; one that corrects another comes after it.

    Each row's `corrects` is the attempt of the entry that it corrects, or None.
    """
    statement = insert(table_of(CostEntry))
    waiting: list[dict[str, Any]] = []
    for row in rows:
        values = {**row, "user_id": user_id, "corrects_id": None}
        corrects = values.pop("corrects")
        if corrects is not None:
            await _put(session, statement, waiting)
            waiting = []
            values["corrects_id"] = await session.scalar(
                select(CostEntry.id).where(
                    CostEntry.user_id == user_id, CostEntry.attempt == corrects
                )
            )
        waiting.append(values)
    await _put(session, statement, waiting)


async def describe(session: Session, *, user_id: UserId, email: str | None, zone: str) -> None:
    """Write e-mail address and time zone of the user."""
    await session.execute(
        update(User)
        .where(User.id == user_id)
        .values(email=email, time_zone=zone)
        .execution_options(synchronize_session=False)
    )


async def forget_touched(session: Session, *, user_id: UserId, runs: Collection[UUID]) -> None:
    """Note that nothing is left to be derived for these runs."""
    await session.execute(
        delete(Touched)
        .where(Touched.user_id == user_id, Touched.run_id.in_(list(runs)))
        .execution_options(synchronize_session=False)
    )

"""Statements that store what a page said: the shared catalogue, a user's links, and plays.

Two runs that store the same show wait for each other instead of dying together: shows
are locked before their episodes, and both in the order of their ids. Who writes episodes
holds their shows' rows, so that the order among a show's episodes matters to nobody
else. Every insert may meet its row.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, bindparam, case, false, func, select, update

from src.database import Session, dialect_of, table_of, upsert
from src.spotify.models import Episode, Play, SavedEpisode, SavedShow, Show
from src.utils.types import UserId

_REMOVED_AFTER = 2
"""Complete listings, in separate runs, without a thing before it counts as removed."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]

# Statements of every page are built once: building one takes longer than executing it.
_SHOW = table_of(Show)
_EPISODE = table_of(Episode)
_SAVED_SHOW = table_of(SavedShow)


class EpisodeCounts(NamedTuple):
    """A show's stored episodes: not removed; seen, and first seen, since an instant."""

    known: int
    seen: int
    found: int


async def upsert_shows_all_users(session: Session, rows: Sequence[Row]) -> None:
    """Store shows as just described; a number of episodes that was left out stays known.

    Args:
        session: Open transaction of the caller.
        rows: Columns of `Show` without `list_order` and `misses`, each with the same keys.
    """
    if rows:
        await session.execute(_put_shows(dialect_of(session), frozenset(rows[0])), _in_order(rows))


@cache
def _put_shows(dialect: str, columns: frozenset[str]) -> Executable:
    statement = upsert(dialect, Show)
    new = statement.excluded
    values = {name: new[name] for name in sorted(columns - {"id", "total_episodes"})}
    values["folded"] = new.folded
    values["total_episodes"] = func.coalesce(new.total_episodes, Show.total_episodes)
    put: Executable = statement.on_conflict_do_update(index_elements=["id"], set_=values)
    return put


async def add_shows_all_users(session: Session, rows: Sequence[Row]) -> None:
    """Store shows that are only mentioned, such as those of saved episodes; known ones stay.

    All of them are locked until the transaction ends: their episodes come next.
    """
    if rows:
        # Unlike `do nothing`, an update of no row locks the row it met.
        statement = upsert(dialect_of(session), Show).on_conflict_do_update(
            index_elements=["id"], set_={"misses": Show.misses}, where=false()
        )
        await session.execute(statement, _in_order(rows))


async def upsert_episodes_all_users(session: Session, rows: Sequence[Row]) -> None:
    """Store episodes as just described; being seen makes them present again.

    Args:
        session: Open transaction of the caller, which has written the rows of their shows.
        rows: Columns of `Episode` without `misses` and `removed_at`, each with the same keys.
    """
    if rows:
        statement = _put_episodes(dialect_of(session), frozenset(rows[0]))
        await session.execute(statement, _in_order(rows))


@cache
def _put_episodes(dialect: str, columns: frozenset[str]) -> Executable:
    statement = upsert(dialect, Episode)
    new = statement.excluded
    values = {name: new[name] for name in sorted(columns - {"id", "first_seen_at"})}
    values |= {"misses": 0, "removed_at": None}
    put: Executable = statement.on_conflict_do_update(index_elements=["id"], set_=values)
    return put


def _in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["id"]))


async def first_seen_all_users(
    session: Session, *, episode_ids: Collection[str]
) -> dict[str, datetime]:
    """Return when each of the episodes that are stored was first seen."""
    rows = await session.execute(_FIRST_SEEN, {"ids": list(episode_ids)})
    return {row.id: row.first_seen_at for row in rows}


_FIRST_SEEN = select(_EPISODE.c.id, _EPISODE.c.first_seen_at).where(
    _EPISODE.c.id.in_(bindparam("ids", expanding=True))
)


async def describe_list_all_users(
    session: Session, *, show_id: str, order: str, total: int
) -> None:
    """Note a show's order, and its number of episodes unless known: its list was read."""
    await session.execute(_DESCRIBE_LIST, {"of": show_id, "order": order, "total": total})


_DESCRIBE_LIST = (
    update(_SHOW)
    .where(_SHOW.c.id == bindparam("of"))
    .values(
        list_order=bindparam("order"),
        total_episodes=func.coalesce(_SHOW.c.total_episodes, bindparam("total")),
        misses=0,
    )
)


async def miss_show_all_users(session: Session, *, show_id: str) -> None:
    """Note that Spotify said there was no such show; it says so at random, too."""
    await session.execute(
        update(Show)
        .where(Show.id == show_id)
        .values(misses=Show.misses + 1)
        .execution_options(synchronize_session=False)
    )


async def count_episodes_all_users(
    session: Session, *, show_id: str, since: datetime | None
) -> EpisodeCounts:
    """Count a show's stored episodes.

    Args:
        session: Open transaction of the caller.
        show_id: Which show.
        since: Start of the running pass, aware UTC; None counts nothing as seen in it.
    """
    rows = await session.execute(_COUNT_EPISODES, {"of": show_id, "start": since or _NEVER})
    row = rows.one()
    return EpisodeCounts(int(row[0]), int(row[1]), int(row[2]))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_COUNT_EPISODES = select(
    _count(_EPISODE.c.removed_at.is_(None)),
    _count(_EPISODE.c.fetched_at >= bindparam("start")),
    _count(_EPISODE.c.first_seen_at >= bindparam("start")),
).where(_EPISODE.c.show_id == bindparam("of"))


async def miss_episodes_all_users(
    session: Session, *, show_id: str, unseen_since: datetime, now: datetime
) -> int:
    """Note that a complete pass did not show some episodes; twice marks them removed.

    Args:
        session: Open transaction of the caller, which has written the show's row.
        show_id: Which show.
        unseen_since: Start of the pass, aware UTC.
        now: The present instant, aware UTC.

    Returns:
        How many were not there.
    """
    statement = (
        update(Episode)
        .where(
            Episode.show_id == show_id,
            Episode.fetched_at < unseen_since,
            Episode.removed_at.is_(None),
        )
        .values(
            misses=Episode.misses + 1,
            removed_at=case((Episode.misses + 1 >= _REMOVED_AFTER, now), else_=None),
        )
        .returning(Episode.id)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(statement)).all())


async def link_shows(session: Session, *, user_id: UserId, added: Mapping[str, datetime]) -> None:
    """Store that the user saved shows, by id the instant of saving; removed ones are back."""
    await _link(session, SavedShow, "show_id", user_id=user_id, added=added)


async def link_episodes(
    session: Session, *, user_id: UserId, added: Mapping[str, datetime]
) -> None:
    """Store that the user saved episodes, by id the instant of saving; removed ones are back."""
    await _link(session, SavedEpisode, "episode_id", user_id=user_id, added=added)


async def _link(
    session: Session,
    model: type[SavedShow] | type[SavedEpisode],
    key: str,
    *,
    user_id: UserId,
    added: Mapping[str, datetime],
) -> None:
    if not added:
        return
    statement = upsert(dialect_of(session), model)
    back = {"added_at": statement.excluded.added_at, "misses": 0, "removed_at": None}
    rows = [{"user_id": user_id, key: id_, "added_at": at} for id_, at in sorted(added.items())]
    await session.execute(
        statement.on_conflict_do_update(index_elements=["user_id", key], set_=back), rows
    )


async def saved_show_ids(session: Session, *, user_id: UserId) -> set[str]:
    """Return the ids of all shows in the user's library, without removed ones."""
    statement = select(SavedShow.show_id).where(
        SavedShow.user_id == user_id, SavedShow.removed_at.is_(None)
    )
    return set(await session.scalars(statement))


async def mark_listed(
    session: Session, *, user_id: UserId, show_ids: Collection[str], now: datetime
) -> None:
    """Note that a listing of the user's library had these shows."""
    await session.execute(
        update(SavedShow)
        .where(SavedShow.user_id == user_id, SavedShow.show_id.in_(show_ids))
        .values(listed_at=now)
        .execution_options(synchronize_session=False)
    )


async def listed_show_ids(session: Session, *, user_id: UserId, since: datetime) -> set[str]:
    """Return the ids of the user's shows that listings had since an instant (aware UTC)."""
    statement = select(SavedShow.show_id).where(
        SavedShow.user_id == user_id,
        SavedShow.removed_at.is_(None),
        SavedShow.listed_at >= since,
    )
    return set(await session.scalars(statement))


async def saved_episode_ids(session: Session, *, user_id: UserId) -> set[str]:
    """Return the ids of all episodes the user saved, without removed ones."""
    statement = select(SavedEpisode.episode_id).where(
        SavedEpisode.user_id == user_id, SavedEpisode.removed_at.is_(None)
    )
    return set(await session.scalars(statement))


async def miss_saved_shows(
    session: Session, *, user_id: UserId, show_ids: Collection[str], now: datetime
) -> None:
    """Note that a complete listing did not have these shows; twice marks them removed."""
    for show_id in sorted(show_ids):
        await session.execute(
            update(SavedShow)
            .where(SavedShow.user_id == user_id, SavedShow.show_id == show_id)
            .values(
                misses=SavedShow.misses + 1,
                removed_at=case((SavedShow.misses + 1 >= _REMOVED_AFTER, now), else_=None),
            )
            .execution_options(synchronize_session=False)
        )


async def miss_saved_episodes(
    session: Session, *, user_id: UserId, episode_ids: Collection[str], now: datetime
) -> None:
    """Note that a complete listing did not have these episodes; twice marks them removed."""
    for episode_id in sorted(episode_ids):
        await session.execute(
            update(SavedEpisode)
            .where(SavedEpisode.user_id == user_id, SavedEpisode.episode_id == episode_id)
            .values(
                misses=SavedEpisode.misses + 1,
                removed_at=case((SavedEpisode.misses + 1 >= _REMOVED_AFTER, now), else_=None),
            )
            .execution_options(synchronize_session=False)
        )


async def library(
    session: Session, *, user_id: UserId
) -> Sequence[tuple[SavedShow, str, int | None, int, int]]:
    """Return the user's saved shows with what the catalogue knows of each.

    Returns:
        For each show: its row, the order and total of its list, how often it was not
        found, and how many of its episodes are stored and not removed.
    """
    known = (
        select(func.count())
        .where(Episode.show_id == SavedShow.show_id, Episode.removed_at.is_(None))
        .scalar_subquery()
    )
    rows = await session.execute(
        select(SavedShow, Show.list_order, Show.total_episodes, Show.misses, known)
        .join(Show, Show.id == SavedShow.show_id)
        .where(SavedShow.user_id == user_id, SavedShow.removed_at.is_(None))
        .order_by(SavedShow.show_id)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


async def update_saved_show(
    session: Session, *, user_id: UserId, show_id: str, values: Row
) -> None:
    """Write columns of a saved show: how far its pages are read."""
    await session.execute(_WRITE_SAVED_SHOW, {**values, "owner": user_id, "of": show_id})


_WRITE_SAVED_SHOW = update(_SAVED_SHOW).where(
    _SAVED_SHOW.c.user_id == bindparam("owner"), _SAVED_SHOW.c.show_id == bindparam("of")
)


async def mark_heard(
    session: Session, *, user_id: UserId, show_ids: Collection[str], now: datetime
) -> None:
    """Note that the resume points of these shows moved."""
    if show_ids:
        values = {"owner": user_id, "ids": list(show_ids), "now": now}
        await session.execute(_MARK_HEARD, values)


_MARK_HEARD = (
    update(_SAVED_SHOW)
    .where(
        _SAVED_SHOW.c.user_id == bindparam("owner"),
        _SAVED_SHOW.c.show_id.in_(bindparam("ids", expanding=True)),
    )
    .values(heard_at=bindparam("now"))
)


async def plays_of(
    session: Session, *, user_id: UserId, episode_ids: Collection[str]
) -> Sequence[Play]:
    """Return what is stored of the user and these episodes; untouched ones have no row."""
    values = {"owner": user_id, "ids": list(episode_ids)}
    return (await session.scalars(_PLAYS, values)).all()


_PLAYS = (
    select(Play)
    .where(
        Play.user_id == bindparam("owner"), Play.episode_id.in_(bindparam("ids", expanding=True))
    )
    .execution_options(populate_existing=True)
)


async def upsert_plays(session: Session, *, user_id: UserId, rows: Sequence[Row]) -> None:
    """Store resume points: columns of `Play` without `user_id`."""
    if rows:
        own = [{**row, "user_id": user_id} for row in rows]
        own.sort(key=lambda row: str(row["episode_id"]))
        await session.execute(_put_plays(dialect_of(session)), own)


@cache
def _put_plays(dialect: str) -> Executable:
    statement = upsert(dialect, Play)
    new = statement.excluded
    names = ("show_id", "fully_played", "position_ms", "seen_at", "changed_at")
    put: Executable = statement.on_conflict_do_update(
        index_elements=["user_id", "episode_id"], set_={name: new[name] for name in names}
    )
    return put

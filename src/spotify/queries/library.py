"""Reading a user's library: shows, episodes, and what was heard of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_

from src.database import Session
from src.spotify.models import Episode, Play, SavedEpisode, SavedShow, Show
from src.utils.text import folded
from src.utils.types import UserId


class ShowSort(StrEnum):
    """Orders in which shows are listed."""

    ADDED = "added"
    NAME = "name"


Place = tuple[str | datetime, str]
"""Where a row stands in its list: the value it is sorted by, and its id."""

_SORT_LENGTH = 50


@dataclass(frozen=True, slots=True)
class ShowRow:
    """One show of a library, with counts of its stored and heard episodes."""

    show: Show
    saved: SavedShow
    stored: int
    heard: int
    newest_release: str | None

    def place(self, sort: ShowSort) -> Place:
        """Return where the show stands in a list of that order."""
        if sort is ShowSort.NAME:
            return self.show.folded[:_SORT_LENGTH], self.show.id
        return self.saved.added_at, self.show.id


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """One episode as one user sees it."""

    episode: Episode
    show: Show
    play: Play | None
    saved: SavedEpisode | None


def _escaped(words: str) -> str:
    """Return a LIKE pattern that finds `words` as they stand."""
    for special in ("\\", "%", "_"):
        words = words.replace(special, "\\" + special)
    return f"%{words}%"


def _show_columns(user_id: UserId) -> Select[Any]:
    stored = (
        select(func.count())
        .where(Episode.show_id == Show.id, Episode.removed_at.is_(None))
        .scalar_subquery()
    )
    newest = select(func.max(Episode.release_date)).where(Episode.show_id == Show.id)
    heard = (
        select(func.count())
        .where(Play.show_id == Show.id, Play.user_id == user_id)
        .scalar_subquery()
    )
    return (
        select(Show, SavedShow, stored, heard, newest.scalar_subquery())
        .join(SavedShow, SavedShow.show_id == Show.id)
        .where(SavedShow.user_id == user_id)
    )


_SORT_NAME = func.substr(Show.folded, 1, _SORT_LENGTH)


async def shows(
    session: Session,
    *,
    user_id: UserId,
    sort: ShowSort,
    after: Place | None,
    words: str | None,
    limit: int,
) -> Sequence[ShowRow]:
    """Return one page of a user's shows, removed ones included.

    Args:
        session: Opened for `user_id`.
        user_id: Owner; no row of anyone else is returned.
        sort: Latest save first, or by the first 50 characters of the name.
        after: Place of the last show already seen, which may be gone by now.
        words: Part of a name or publisher, in any case.
        limit: Rows at most, 1 or more.
    """
    query = _show_columns(user_id)
    if words:
        query = query.where(Show.folded.like(_escaped(folded(words)), escape="\\"))
    key: Any = _SORT_NAME if sort is ShowSort.NAME else SavedShow.added_at
    place: Any = tuple_(key, Show.id)
    if sort is ShowSort.NAME:
        order = (key.asc(), Show.id.asc())
        query = query if after is None else query.where(place > after)
    else:
        order = (key.desc(), Show.id.desc())
        query = query if after is None else query.where(place < after)
    rows = await session.execute(query.order_by(*order).limit(limit))
    return [ShowRow(*row) for row in rows]


async def show(session: Session, *, user_id: UserId, show_id: str) -> ShowRow | None:
    """Return one show of a user's library, or None when it is not in it."""
    row = (await session.execute(_show_columns(user_id).where(Show.id == show_id))).first()
    return None if row is None else ShowRow(*row)


def _episode_columns(user_id: UserId) -> Select[Episode, Show, Play, SavedEpisode]:
    reachable = or_(
        select(SavedShow.show_id)
        .where(SavedShow.user_id == user_id, SavedShow.show_id == Episode.show_id)
        .exists(),
        SavedEpisode.episode_id.is_not(None),
        Play.episode_id.is_not(None),
    )
    return (
        select(Episode, Show, Play, SavedEpisode)
        .join(Show, Show.id == Episode.show_id)
        .outerjoin(Play, (Play.episode_id == Episode.id) & (Play.user_id == user_id))
        .outerjoin(
            SavedEpisode,
            (SavedEpisode.episode_id == Episode.id) & (SavedEpisode.user_id == user_id),
        )
        .where(reachable)
    )


async def episodes(
    session: Session, *, user_id: UserId, show_id: str, after: Place | None, limit: int
) -> Sequence[EpisodeRow]:
    """Return one page of a show's stored episodes, newest release first.

    Args:
        session: Opened for `user_id`.
        user_id: Whose resume points are shown beside them.
        show_id: A show of the user's library.
        after: Release date and id of the last episode already seen, which may be gone by now.
        limit: Rows at most, 1 or more.
    """
    query = _episode_columns(user_id).where(Episode.show_id == show_id)
    if after is not None:
        place: Any = tuple_(Episode.release_date, Episode.id)
        query = query.where(place < after)
    order = (Episode.release_date.desc(), Episode.id.desc())
    return [EpisodeRow(*row) for row in await session.execute(query.order_by(*order).limit(limit))]


async def episode(session: Session, *, user_id: UserId, episode_id: str) -> EpisodeRow | None:
    """Return one episode that a row of the user's own leads to, or None."""
    row = (await session.execute(_episode_columns(user_id).where(Episode.id == episode_id))).first()
    return None if row is None else EpisodeRow(*row)


async def counts(session: Session, *, user_id: UserId) -> tuple[int, int, int]:
    """Return how many shows are in the library, how many episodes are stored, how many were heard.

    Removed shows and episodes do not count; heard are resume points other than untouched.
    """
    mine = select(SavedShow.show_id).where(
        SavedShow.user_id == user_id, SavedShow.removed_at.is_(None)
    )
    saved = select(func.count()).select_from(mine.subquery())
    stored = select(func.count()).where(Episode.show_id.in_(mine), Episode.removed_at.is_(None))
    heard = select(func.count()).where(Play.user_id == user_id)
    found = [await session.scalar(query) or 0 for query in (saved, stored, heard)]
    return found[0], found[1], found[2]

"""Statements on episodes known by name, and on what they may be linked to."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, union

from src.database import Session
from src.history.models import HistoryEpisode
from src.history.queries.raw import Statement
from src.spotify.library_models import Episode, SavedEpisode, SavedShow, Show
from src.utils.types import UserId

_MOST_EVIDENCE = 200_000
"""Rows looked at of one show: nobody has as many, and a crafted file must not fill memory."""


class Title(NamedTuple):
    """An episode known by name, and what it is linked to."""

    id: int
    identity: str
    show_ref: int | None
    linked_to: int | None
    link_reason: str | None


async def has_titles(session: Session, *, user_id: UserId) -> bool:
    """Tell whether the user has any episode that is known by name only."""
    statement = select(HistoryEpisode.id).where(
        HistoryEpisode.user_id == user_id, HistoryEpisode.episode_id.is_(None)
    )
    return (await session.execute(statement.limit(1))).first() is not None


async def shows_to_link(
    session: Session, *, user_id: UserId, run_id: UUID, after: int, limit: int
) -> list[int]:
    """Return shows with titles, of which a run touched an episode, in order of id.

    Args:
        session: Open transaction of the caller, opened for `user_id`.
        user_id: Owner.
        run_id: Which run.
        after: The last id already seen, 0 at first.
        limit: Most ids.
    """
    rows = await _SHOWS_TO_LINK.rows(
        session, user_id, run_id, after, user_id, run_id, after, user_id, limit
    )
    return [row[0] for row in rows]


_SHOWS_TO_LINK = Statement(
    "select s.show_ref from (select distinct e.show_ref from touched t"
    " join history_episode e on e.user_id = t.user_id and e.id = t.episode_ref"
    " where t.user_id = ? and t.run_id = ? and e.show_ref > ?"
    " union select distinct n.show_ref from touched t"
    " join history_name n on n.user_id = t.user_id and n.episode_ref = t.episode_ref"
    " where t.user_id = ? and t.run_id = ? and n.show_ref > ?) s"
    " where exists (select 1 from history_episode k where k.user_id = ?"
    " and k.show_ref = s.show_ref and k.episode_id is null) order by s.show_ref limit ?"
)


async def shows_with_titles(session: Session, *, user_id: UserId) -> list[int]:
    """Return every show of which an episode is known by name only, in order of id."""
    return [row[0] for row in await _SHOWS_WITH_TITLES.rows(session, user_id)]


_SHOWS_WITH_TITLES = Statement(
    "select distinct show_ref from history_episode where user_id = ? and episode_id is null"
    " and show_ref is not null order by show_ref"
)


async def titles_of(session: Session, *, user_id: UserId, show_ref: int) -> list[Title]:
    """Return the titles of a show, but those that the user linked by hand."""
    return [Title(*row) for row in await _TITLES_OF.rows(session, user_id, show_ref)]


_TITLES_OF = Statement(
    "select id, identity, show_ref, linked_to, link_reason from history_episode"
    " where user_id = ? and show_ref = ? and episode_id is null"
    " and coalesce(link_reason, '') <> 'hand' order by id"
)


async def named(
    session: Session, *, user_id: UserId, titles: Sequence[str]
) -> list[tuple[str, int, str]]:
    """Return the episodes with an id that carry these titles: title, row and identity."""
    rows = await _NAMED.rows(session, user_id, list(titles))
    return [(row[0], row[1], row[2]) for row in rows]


_NAMED = Statement(
    "select distinct n.title, e.id, e.identity from history_name n"
    " join history_episode e on e.user_id = n.user_id and e.id = n.episode_ref"
    " where n.user_id = ? and n.title = {texts}"
)


async def library_shows(session: Session, *, user_id: UserId) -> list[tuple[str, str]]:
    """Return id and name of the shows in the user's library, those of saved episodes too."""
    saved = select(SavedShow.show_id).where(
        SavedShow.user_id == user_id, SavedShow.removed_at.is_(None)
    )
    of_episodes = (
        select(Episode.show_id)
        .join(SavedEpisode, SavedEpisode.episode_id == Episode.id)
        .where(SavedEpisode.user_id == user_id, SavedEpisode.removed_at.is_(None))
    )
    rows = await session.execute(
        select(Show.id, Show.name).where(Show.id.in_(union(saved, of_episodes))).order_by(Show.id)
    )
    return [(row[0], row[1]) for row in rows]


async def catalogue_all_users(
    session: Session, *, show_ids: Collection[str]
) -> list[tuple[str, str]]:
    """Return id and name of the episodes that the catalogue has of these shows."""
    rows = await session.execute(
        select(Episode.id, Episode.name).where(Episode.show_id.in_(show_ids)).order_by(Episode.id)
    )
    return [(row[0], row[1]) for row in rows]


async def evidence(
    session: Session, *, user_id: UserId, show_ref: int, from_s: int, to_s: int
) -> list[tuple[str, int, int, int]]:
    """Return the extended rows of a show's episodes with an id that ended in a time.

    Returns:
        Identity, end and begin (UTC epoch) and ms of each, at most 200,000.
    """
    rows = await _EVIDENCE.rows(session, user_id, show_ref, from_s, to_s, _MOST_EVIDENCE)
    return [(row[0], row[1], row[2], row[3]) for row in rows]


_EVIDENCE = Statement(
    "select e.identity, o.ended_s, o.began_s, o.ms from history_episode e"
    " join observation o on o.user_id = e.user_id and o.episode_ref = e.id and o.source = 'ext'"
    " where e.user_id = ? and e.show_ref = ? and e.episode_id is not null"
    " and o.ended_s between ? and ? order by o.id limit ?"
)


async def link(
    session: Session,
    *,
    user_id: UserId,
    episode_ref: int,
    linked_to: int | None,
    reason: str | None,
) -> None:
    """Write what a title is linked to, and why."""
    await _LINK.change(session, linked_to, reason, user_id, episode_ref)


_LINK = Statement(
    "update history_episode set linked_to = ?, link_reason = ? where user_id = ? and id = ?"
)


async def show_name(session: Session, *, user_id: UserId, show_ref: int) -> str | None:
    """Return the name of a show of the user's as names are compared."""
    rows = await _SHOW_NAME.rows(session, user_id, show_ref)
    return rows[0][0] if rows else None


_SHOW_NAME = Statement("select name_norm from history_show where user_id = ? and id = ?")

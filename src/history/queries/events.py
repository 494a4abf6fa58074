"""Statements on derived events: what they are derived from, and putting them in place."""

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update

from src.database import Session
from src.history.models import EventSource, HistoryEdit, HistoryEpisode, ListeningEvent
from src.history.queries.raw import Insert, Statement
from src.utils.types import UserId


class EpisodeOf(NamedTuple):
    """An episode as deriving its events needs it."""

    id: int
    identity: str
    show_ref: int | None
    linked_to: int | None
    link_reason: str | None


class ObservationOf(NamedTuple):
    """An observation as deriving needs it; instants are UTC epoch seconds."""

    id: int
    episode_ref: int
    source: str
    ended_s: int
    began_s: int
    ms: int
    n: int
    position_ms: int | None
    flags: int


async def bump(session: Session, *, user_id: UserId) -> None:
    """Raise the version of the user's history, and hold its row until the commit.

    First in every transaction that changes events or coverage, so that two wait for each
    other instead of deriving from what the other has not written yet.
    """
    await _BUMP.change(session, user_id)


_BUMP = Statement(
    "insert into history_state (user_id, version) values (?, 1)"
    " on conflict (user_id) do update set version = history_state.version + 1"
)


async def version_of(session: Session, *, user_id: UserId) -> int:
    """Return the version of the user's history; 0 before there is any."""
    rows = await _VERSION.rows(session, user_id)
    return rows[0][0] if rows else 0


_VERSION = Statement("select version from history_state where user_id = ?")

_EPISODE = "select id, identity, show_ref, linked_to, link_reason from history_episode"


async def episodes(session: Session, *, user_id: UserId, refs: Collection[int]) -> list[EpisodeOf]:
    """Return these episodes."""
    return [EpisodeOf(*row) for row in await _EPISODES.rows(session, user_id, sorted(refs))]


_EPISODES = Statement(f"{_EPISODE} where user_id = ? and id = {{ints}}")


async def linked_to(session: Session, *, user_id: UserId, refs: Collection[int]) -> list[EpisodeOf]:
    """Return the titles that are linked to these episodes."""
    return [EpisodeOf(*row) for row in await _LINKED_TO.rows(session, user_id, sorted(refs))]


_LINKED_TO = Statement(f"{_EPISODE} where user_id = ? and linked_to = {{ints}}")


async def shared_titles(
    session: Session, *, user_id: UserId, refs: Collection[int]
) -> list[tuple[int, int]]:
    """Return which of several episodes carry a title, where one of them is in `refs`.

    Returns:
        Pairs of a title's row and the row of an episode that carries it: all episodes of
        each title that is in `refs`, or that an episode in `refs` carries.
    """
    wanted = sorted(refs)
    rows = await _SHARED_TITLES.rows(session, user_id, wanted, user_id, wanted, user_id)
    return [(row[0], row[1]) for row in rows]


_SHARED_TITLES = Statement(
    "select distinct t.id, n.episode_ref from (select id, identity, user_id from history_episode"
    " where user_id = ? and id = {ints} and link_reason = 'several'"
    " union select t.id, t.identity, t.user_id from history_name m join history_episode t"
    " on t.user_id = m.user_id and t.identity = m.title and t.link_reason = 'several'"
    " where m.user_id = ? and m.episode_ref = {ints}) t"
    " join history_name n on n.user_id = t.user_id and n.title = t.identity where n.user_id = ?"
)


async def observations_of(
    session: Session, *, user_id: UserId, refs: Collection[int]
) -> list[ObservationOf]:
    """Return the observations of episodes, in order of their ends."""
    rows = await _OBSERVATIONS.rows(session, user_id, sorted(refs))
    found = [ObservationOf(*row) for row in rows]
    found.sort(key=_END)
    return found


_END = attrgetter("ended_s")
_OBSERVATIONS = Statement(
    "select id, episode_ref, source, ended_s, began_s, ms, n, position_ms, flags"
    " from observation where user_id = ? and episode_ref = {ints}"
)


class EventRow(NamedTuple):
    """An event as it is stored, its id as 32 hex digits."""

    ended_s: int
    id: str
    began_s: int
    earliest_s: int
    latest_s: int
    ms: int
    certainty: str
    rule: str
    doubtful: bool
    at_least: bool
    clamped: bool
    hidden: bool
    episode_ref: int
    show_ref: int | None
    observation_id: int


class SourceRow(NamedTuple):
    """A further source of an event as it is stored, the id as 32 hex digits."""

    event_id: str
    observation_id: int
    role: str
    episode_ref: int


async def replace(
    session: Session,
    *,
    user_id: UserId,
    refs: Collection[int],
    events: Sequence[EventRow],
    sources: Sequence[SourceRow],
) -> None:
    """Put `events` and `sources` in the place of all events of these episodes."""
    gone = sorted(refs)
    await _DELETE_SOURCES.change(session, user_id, gone)
    await _DELETE_EVENTS.change(session, user_id, gone)
    await _PUT_EVENTS.put(session, events, user_id)
    await _PUT_SOURCES.put(session, sources, user_id)


_DELETE_SOURCES = Statement("delete from event_source where user_id = ? and episode_ref = {ints}")
_DELETE_EVENTS = Statement("delete from listening_event where user_id = ? and episode_ref = {ints}")
_PUT_EVENTS = Insert(
    "listening_event",
    same={"user_id": "bigint"},
    columns={
        "ended_s": "bigint",
        "id": "uuid",
        "began_s": "bigint",
        "earliest_s": "bigint",
        "latest_s": "bigint",
        "ms": "bigint",
        "certainty": "text",
        "rule": "text",
        "doubtful": "boolean",
        "at_least": "boolean",
        "clamped": "boolean",
        "hidden": "boolean",
        "episode_ref": "bigint",
        "show_ref": "bigint",
        "observation_id": "bigint",
    },
)
_PUT_SOURCES = Insert(
    "event_source",
    same={"user_id": "bigint"},
    columns={
        "event_id": "uuid",
        "observation_id": "bigint",
        "role": "text",
        "episode_ref": "bigint",
    },
)


async def event_of(session: Session, *, user_id: UserId, event_id: UUID) -> ListeningEvent | None:
    """Return one of the user's events."""
    statement = select(ListeningEvent).where(
        ListeningEvent.user_id == user_id, ListeningEvent.id == event_id
    )
    return (
        await session.execute(statement.execution_options(populate_existing=True))
    ).scalar_one_or_none()


async def sources_of(
    session: Session, *, user_id: UserId, event_id: UUID
) -> Sequence[tuple[int, str]]:
    """Return the further sources of an event: observation and role."""
    rows = await session.execute(
        select(EventSource.observation_id, EventSource.role)
        .where(EventSource.user_id == user_id, EventSource.event_id == event_id)
        .order_by(EventSource.observation_id)
    )
    return [(row[0], row[1]) for row in rows]


async def identity_of(session: Session, *, user_id: UserId, episode_ref: int) -> str | None:
    """Return the identity of an episode."""
    return await session.scalar(
        select(HistoryEpisode.identity).where(
            HistoryEpisode.user_id == user_id, HistoryEpisode.id == episode_ref
        )
    )


async def episode_of(session: Session, *, user_id: UserId, identity: str) -> int | None:
    """Return the row of an episode by its identity; None while nothing tells of it."""
    return await session.scalar(
        select(HistoryEpisode.id).where(
            HistoryEpisode.user_id == user_id, HistoryEpisode.identity == identity
        )
    )


async def edits(session: Session, *, user_id: UserId) -> Sequence[HistoryEdit]:
    """Return the user's edits in force, oldest first."""
    statement = (
        select(HistoryEdit)
        .where(HistoryEdit.user_id == user_id, HistoryEdit.revoked_s.is_(None))
        .order_by(HistoryEdit.created_s, HistoryEdit.id)
    )
    return (await session.scalars(statement)).all()


async def edit_of(session: Session, *, user_id: UserId, edit_id: UUID) -> HistoryEdit | None:
    """Return one of the user's edits."""
    statement = select(HistoryEdit).where(HistoryEdit.user_id == user_id, HistoryEdit.id == edit_id)
    return (await session.scalars(statement)).one_or_none()


async def add_edit(session: Session, *, user_id: UserId, edit: HistoryEdit) -> None:
    """Store an edit of the user's."""
    edit.user_id = user_id
    session.add(edit)
    await session.flush()


async def revoke_edit(session: Session, *, user_id: UserId, edit_id: UUID, now_s: int) -> None:
    """Note that an edit holds no longer; UTC epoch seconds."""
    await session.execute(
        update(HistoryEdit)
        .where(HistoryEdit.user_id == user_id, HistoryEdit.id == edit_id)
        .values(revoked_s=now_s)
        .execution_options(synchronize_session=False)
    )

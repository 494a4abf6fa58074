"""Statements that list events: a page of them, one of them, and what search finds."""

# ruff: noqa: S608 - only constants of this room are put together

from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from src.database import Session
from src.history.queries.filters import LONGEST_STREAM_S, Events, where
from src.history.queries.raw import Statement, Uuids
from src.utils.text import folded
from src.utils.types import UserId


class Listed(NamedTuple):
    """An event with its names: those of the library where it has them, else of the exports.

    Times are UTC epoch seconds; `source` is that of the primary observation.
    """

    ended_s: int
    id: Any
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
    episode: str | None
    episode_id: str | None
    length_ms: int | None
    show: str | None
    show_id: str | None
    source: str | None


class Told(NamedTuple):
    """An observation that an event tells of, and a run that brought it."""

    id: int
    role: str
    identity: str
    source: str
    ended_s: int
    began_s: int
    ms: int
    n: int
    position_ms: int | None
    flags: int
    run_id: Any
    run_kind: str | None
    run_name: str | None


Place = tuple[int, str]
"""Where an event stands in the list: its end (UTC epoch) and its id in hexadecimal."""

_COLUMNS = (
    "ended_s, id, began_s, earliest_s, latest_s, ms, certainty, rule, doubtful, at_least,"
    " clamped, hidden, episode_ref, show_ref, observation_id"
)
_NAMED = (
    f"select {', '.join('e.' + one.strip() for one in _COLUMNS.split(','))},"
    " coalesce(c.name, h.name), h.episode_id, coalesce(c.duration_ms, h.duration_ms),"
    " coalesce(d.name, s.name), coalesce(c.show_id, s.show_id), o.source from ({}) e"
    " left join history_episode h on h.id = e.episode_ref and h.user_id = ?"
    " left join history_show s on s.id = e.show_ref and s.user_id = ?"
    " left join episode c on c.id = h.episode_id"
    ' left join "show" d on d.id = c.show_id'
    " left join observation o on o.id = e.observation_id and o.user_id = ?"
    " order by e.ended_s desc, e.id desc"
)


@lru_cache(maxsize=256)
def _page(condition: str) -> Statement:
    inner = (
        f"select {_COLUMNS} from listening_event e where {condition}"
        " order by e.ended_s desc, e.id desc limit ?"
    )
    return Statement(_NAMED.format(inner))


async def page(
    session: Session, *, user_id: UserId, events: Events, after: Place | None = None, limit: int
) -> list[Listed]:
    """Return one page of events, the one that ended last first.

    Args:
        session: Opened for `user_id`.
        user_id: Owner; no row of anyone else is returned.
        events: Which of them.
        after: Place of the last one already seen, which may be gone by now.
        limit: Rows at most, 1 or more.
    """
    condition, values = await where(session, user_id=user_id, events=events)
    if after is not None:
        condition += " and (e.ended_s, e.id) < (?, ?)"
        values += (after[0], UUID(after[1]))
    statement = _page(condition)
    rows = await statement.rows(session, *values, limit, user_id, user_id, user_id)
    return [Listed(*row) for row in rows]


async def event(session: Session, *, user_id: UserId, event_id: UUID) -> Listed | None:
    """Return one of the user's events, hidden or not, or None."""
    rows = await _EVENT.rows(session, user_id, event_id, user_id, user_id, user_id)
    return Listed(*rows[0]) if rows else None


_EVENT = Statement(
    _NAMED.format(f"select {_COLUMNS} from listening_event e where e.user_id = ? and e.id = ?")
)


async def told(session: Session, *, user_id: UserId, event: Listed) -> list[Told]:
    """Return the observations an event tells of, the primary first, once for each run."""
    event_id = Uuids.read(event.id)
    rows = await _TOLD.rows(
        session, event.observation_id, user_id, event_id, user_id, user_id, user_id
    )
    return [Told(*row) for row in rows]


_TOLD = Statement(
    "select o.id, x.role, p.identity, o.source, o.ended_s, o.began_s, o.ms, o.n, o.position_ms,"
    " o.flags, r.id, r.kind, r.name from (select cast(? as bigint) as observation_id,"
    " 'primary' as role union all select observation_id, role from event_source"
    " where user_id = ? and event_id = ?) x"
    " join observation o on o.id = x.observation_id and o.user_id = ?"
    " join history_episode p on p.id = o.episode_ref and p.user_id = ?"
    " left join observation_support u on u.observation_id = o.id and u.user_id = ?"
    " left join history_run r on r.id = u.run_id and r.user_id = o.user_id"
    " order by case when x.role = 'primary' then 0 else 1 end, o.id, r.created_s, r.id"
)


async def found(session: Session, *, user_id: UserId, words: str) -> tuple[int, ...]:
    """Return the rows of the episodes in whose names, or their show's, `words` occur.

    In any case and way of writing, and in the names of library and exports alike. Reads the
    name of every episode in the history: databases differ in what they think of letters.
    """
    wanted = folded(words)
    shows: dict[str | None, bool] = {None: False}
    matches = []
    for ref, *names, show, show_now in await _NAMES.rows(session, user_id):
        for name in (show, show_now):
            if name not in shows:
                shows[name] = wanted in folded(name)
        if shows[show] or shows[show_now] or any(name and wanted in folded(name) for name in names):
            matches.append(ref)
    return tuple(matches)


_NAMES = Statement(
    "select h.id, h.name, nullif(c.name, h.name), s.name, nullif(d.name, s.name)"
    " from history_episode h left join history_show s on s.id = h.show_ref"
    " and s.user_id = h.user_id left join episode c on c.id = h.episode_id"
    ' left join "show" d on d.id = c.show_id where h.user_id = ? order by h.id'
)


async def ends(session: Session, *, user_id: UserId) -> tuple[int, int] | None:
    """Return when the first and the last event ended that count (UTC epoch), or None."""
    first, last = (await _ENDS.rows(session, user_id, user_id))[0]
    return None if first is None else (first, last)


async def bounds(session: Session, *, user_id: UserId) -> tuple[int, int] | None:
    """Return when the earliest event began and the last ended (UTC epoch), or None.

    A hidden window counts too: it only makes the time a little longer.
    """
    found = await ends(session, user_id=user_id)
    if found is None:
        return None
    first, last = found
    began = await _BEGAN.rows(session, user_id, first, first + LONGEST_STREAM_S, user_id)
    return min(row[0] for row in began if row[0] is not None), last


_ENDS = Statement(
    "select (select ended_s from listening_event where user_id = ? and not hidden"
    " order by ended_s, id limit 1), (select ended_s from listening_event"
    " where user_id = ? and not hidden order by ended_s desc, id desc limit 1)"
)
_BEGAN = Statement(
    "select min(began_s) from listening_event where user_id = ? and ended_s >= ? and ended_s <= ?"
    " and not hidden union all select min(began_s) from listening_event"
    " where user_id = ? and certainty = 'window'"
)

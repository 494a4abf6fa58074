"""Statements that sum up events: by day, show, hour, completion and age."""

# ruff: noqa: S608 - only constants of this room are put together

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from src.database import Session
from src.history.queries.filters import Events, Sql, Where, where
from src.history.queries.raw import Statement
from src.history.zones import local_day
from src.utils.types import UserId

_SUMS = (
    "count(*), coalesce(sum({ms}), 0), coalesce(sum(case when e.certainty <> 'window'"
    " then {ms} else 0 end), 0)"
)


class Sum(NamedTuple):
    """Events and their milliseconds, and how many of those are not of windows."""

    events: int = 0
    ms: int = 0
    known_ms: int = 0

    def plus(self, other: "Sum") -> "Sum":
        """Return both together."""
        return Sum(self.events + other.events, self.ms + other.ms, self.known_ms + other.known_ms)


class ShowSum(NamedTuple):
    """What was heard of a show; None where nothing tells the show's name."""

    show: int | None
    episodes: int
    sum: Sum
    by_certainty: dict[str, Sum]


class Crossing(NamedTuple):
    """An event that goes on over a local midnight or a border of the time."""

    began_s: int
    ended_s: int
    ms: int
    is_known: bool
    day: int


class Run(NamedTuple):
    """An event as sittings are made of it."""

    episode_ref: int
    began_s: int
    ended_s: int
    ms: int


@lru_cache(maxsize=256)
def _statement(text: str) -> Statement:
    return Statement(text)


def _sums(column: str = "e.ms") -> str:
    return _SUMS.format(ms=column)


async def by_day(session: Session, *, user_id: UserId, events: Events) -> dict[int, Sum]:
    """Return the events that ended on each local day, whole, by the day's number since 1970."""
    condition = await where(session, user_id=user_id, events=events)
    day = _day("e.ended_s", events)
    text = (
        f"select {day} as day, {_sums()} from listening_event e where {condition.text} group by 1"
    )
    rows = await _statement(text).rows(session, *condition.values)
    return {part: Sum(events, int(ms), int(known_ms)) for part, events, ms, known_ms in rows}


async def crossing(session: Session, *, user_id: UserId, events: Events) -> list[Crossing]:
    """Return the events with a part of the time whose begin and end are not of one local day.

    And those that leave the time; `day` is that of the end.
    """
    condition = await where(session, user_id=user_id, events=replace(events, overlaps=True))
    ended, began = (_day(column, events) for column in ("e.ended_s", "e.began_s"))
    text = (
        f"select e.began_s, e.ended_s, e.ms, e.certainty <> 'window', {ended}"
        f" from listening_event e where {condition.text}"
        f" and (e.began_s < ? or e.ended_s >= ? or {began} <> {ended})"
    )
    rows = await _statement(text).rows(session, *condition.values, events.from_s, events.to_s)
    return [Crossing(*row) for row in rows]


async def by_show(session: Session, *, user_id: UserId, events: Events) -> list[ShowSum]:
    """Return what was heard of each show, most first."""
    condition = await where(session, user_id=user_id, events=events)
    text = (
        "select e.show_ref, count(distinct e.episode_ref), count(*), sum(e.ms),"
        f" {_of('exact')}, {_of('minute')} from listening_event e where {condition.text}"
        " group by e.show_ref order by sum(e.ms) desc, e.show_ref"
    )
    rows = await _statement(text).rows(session, *condition.values)
    return [_show_sum(row) for row in rows]


def _of(certainty: str) -> str:
    is_so = f"case when e.certainty = '{certainty}' then"
    return f"sum({is_so} 1 else 0 end), sum({is_so} e.ms else 0 end)"


def _show_sum(row: Sequence[Any]) -> ShowSum:
    show, episodes = row[:2]
    events, ms, exact_n, exact_ms, minute_n, minute_ms = map(int, row[2:])
    known_ms = exact_ms + minute_ms
    by_certainty = {
        "exact": Sum(exact_n, exact_ms, exact_ms),
        "minute": Sum(minute_n, minute_ms, minute_ms),
        "window": Sum(events - exact_n - minute_n, ms - known_ms, 0),
    }
    return ShowSum(show, episodes, Sum(events, ms, known_ms), by_certainty)


async def show_names(
    session: Session, *, user_id: UserId, shows: Collection[int]
) -> dict[int, tuple[str, str | None]]:
    """Return name and Spotify's id of shows; the name is the library's where it has one."""
    rows = await _SHOW_NAMES.rows(session, user_id, user_id, sorted(shows))
    return {row[0]: (row[1], row[2]) for row in rows}


_SHOW_NAMES = Statement(
    "select s.id, coalesce(d.name, s.name), coalesce(s.show_id, d.id) from (select s.id, s.name,"
    " s.show_id, (select c.show_id from history_episode h join episode c on c.id = h.episode_id"
    " where h.user_id = ? and h.show_ref = s.id order by h.id limit 1) as now_id"
    " from history_show s where s.user_id = ? and s.id = {ints}) s"
    ' left join "show" d on d.id = coalesce(s.now_id, s.show_id)'
)


async def by_hour(session: Session, *, user_id: UserId, events: Events) -> dict[int, Sum]:
    """Return the events that ended in each local hour of the week, 0 to 167 from Monday's first.

    Of windows only those that lie in one hour; the others are those that are not `placed`.
    """
    placed = replace(events, placed=True)
    condition = await where(session, user_id=user_id, events=placed)
    hour = placed.hour_of_week
    text = (
        f"select {hour} as hour, {_sums()} from listening_event e where {condition.text} group by 1"
    )
    rows = await _statement(text).rows(session, *condition.values)
    return {part: Sum(events, int(ms), int(known_ms)) for part, events, ms, known_ms in rows}


async def total(session: Session, *, user_id: UserId, events: Events) -> Sum:
    """Return how many events there are and what was heard in them."""
    condition = await where(session, user_id=user_id, events=events)
    text = f"select {_sums()} from listening_event e where {condition.text}"
    rows = await _statement(text).rows(session, *condition.values)
    return Sum(*map(int, rows[0]))


async def by_completion(
    session: Session, *, user_id: UserId, events: Events
) -> dict[str, tuple[int, Sum]]:
    """Return episodes and what was heard of them, by `Completion` within the time."""
    condition = await where(session, user_id=user_id, events=events)
    text = (
        f"select {Sql.completion('t.ms')} as class, count(*), sum(t.n), sum(t.ms), sum(t.known_ms)"
        " from (select e.episode_ref, count(*) as n, sum(e.ms) as ms,"
        " sum(case when e.certainty <> 'window' then e.ms else 0 end) as known_ms"
        f" from listening_event e where {condition.text} group by e.episode_ref) t"
        f" {Sql.with_episode('t.episode_ref')} group by 1"
    )
    rows = await _statement(text).rows(session, *condition.values, user_id)
    return {row[0]: (row[1], Sum(*map(int, row[2:]))) for row in rows}


async def by_catalogue(session: Session, *, user_id: UserId, events: Events) -> dict[str, Sum]:
    """Return what was heard of episodes that were new, old, or of unknown age (`Catalogue`)."""
    condition = await where(session, user_id=user_id, events=events)
    text = (
        f"select {Sql.age(session)} as class, {_sums()} from listening_event e"
        f" {Sql.with_episode('e.episode_ref')} where {condition.text} group by 1"
    )
    rows = await _statement(text).rows(session, user_id, *condition.values)
    return {part: Sum(events, int(ms), int(known_ms)) for part, events, ms, known_ms in rows}


async def runs(
    session: Session, *, user_id: UserId, events: Events, part: int = 0, parts: int = 1
) -> list[Run]:
    """Return every event as sittings need it, in order of episode, begin, end and id.

    Args:
        session: Opened for `user_id`.
        user_id: Owner.
        events: Which of them.
        part: Number of a part of the episodes, from 0; each episode is in one part, whole.
        parts: How many parts there are, so that a long history need not be held at once.
    """
    condition: Where = await where(session, user_id=user_id, events=events)
    text = (
        "select e.episode_ref, e.began_s, e.ended_s, e.ms from listening_event e"
        f" where {condition.text} and e.episode_ref - e.episode_ref / {parts} * {parts} = {part}"
        " order by e.episode_ref, e.began_s, e.ended_s, e.id"
    )
    return [Run(*row) for row in await _statement(text).rows(session, *condition.values)]


async def backlog(session: Session, *, user_id: UserId) -> tuple[int, int]:
    """Return episodes of saved shows that were never heard, and their milliseconds."""
    rows = await _BACKLOG.rows(session, user_id, user_id, user_id)
    return rows[0][0], int(rows[0][1])


_BACKLOG = Statement(
    "select count(*), coalesce(sum(c.duration_ms), 0) from saved_show a"
    " join episode c on c.show_id = a.show_id and c.removed_at is null"
    " where a.user_id = ? and a.removed_at is null and not exists"
    " (select 1 from play p where p.user_id = ? and p.episode_id = c.id) and not exists"
    " (select 1 from history_episode h join listening_event e on e.user_id = h.user_id"
    " and e.episode_ref = h.id and not e.hidden"
    " where h.user_id = ? and h.identity = 'spotify:' || c.id)"
)


def _day(column: str, events: Events) -> str:
    from_s, to_s = events.from_s or 0, events.to_s or 0
    return local_day(column, events.zone, from_s=max(0, from_s - _BEFORE_S), to_s=to_s + _BEFORE_S)


_BEFORE_S = 400 * 86_400
"""How far outside a time its events may begin or end before the clock that is taken for them is
that of the border."""

"""Which events are meant: one choice, written once, for the list of events and for every sum."""

# ruff: noqa: S608 - only constants of this room are put together

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from src.database import Session, dialect_of
from src.history.queries.raw import Statement
from src.history.zones import DAY_S, local_seconds
from src.utils.types import UserId

LONGEST_STREAM_S = 8 * DAY_S
"""No event lasts longer, but a window: a row of an export tells of at most seven days."""

FRESH_DAYS = 7
"""An episode is new up to so many days after its publication."""

NO_SHOW = 0
"""Stands for the show of episodes whose show nothing names."""

_FIRST_S, _LAST_S = 0, 2**32
_WEEK_H = 168
_MONDAY_H = 72  # 1970-01-01 was a Thursday


class Completion(StrEnum):
    """How much of an episode was heard within a time."""

    FINISHED = "finished"
    """At least 90 % of its length."""
    BEGUN = "begun"
    """Less."""
    UNKNOWN = "unknown"
    """Its length is not known."""


class Catalogue(StrEnum):
    """How old an episode was when it was begun."""

    NEW = "new"
    """At most seven days."""
    BACK = "back"
    """Older."""
    UNKNOWN = "unknown"
    """The day of its publication is not known."""


class Where(NamedTuple):
    """A condition on `listening_event e`, and its values."""

    text: str
    values: tuple[object, ...]


class Sql:
    """Pieces of text about `h` and `c`, an episode of the user's and that of the catalogue."""

    LENGTH_MS = "coalesce(c.duration_ms, h.duration_ms, 0)"
    """The episode's length in milliseconds; 0 where it is not known."""

    @staticmethod
    def with_episode(ref: str) -> str:
        """Return the join of both to `ref`; it takes the user."""
        return (
            f"join history_episode h on h.id = {ref} and h.user_id = ?"
            " left join episode c on c.id = h.episode_id"
        )

    @classmethod
    def completion(cls, heard_ms: str) -> str:
        """Return the `Completion` of an episode of which `heard_ms` was heard."""
        return (
            f"case when {cls.LENGTH_MS} <= 0 then 'unknown'"
            f" when {heard_ms} * 10 >= {cls.LENGTH_MS} * 9 then 'finished' else 'begun' end"
        )

    @staticmethod
    def age(session: Session) -> str:
        """Return the `Catalogue` of the event `e` and its episode."""
        back_s = f"e.began_s - {FRESH_DAYS * DAY_S}"
        oldest = (
            f"date({back_s}, 'unixepoch')"
            if dialect_of(session) == "sqlite"
            else f"to_char(to_timestamp({back_s}) at time zone 'UTC', 'YYYY-MM-DD')"
        )
        return (
            "case when c.release_precision = 'day'"
            f" then case when c.release_date >= {oldest} then 'new' else 'back' end"
            " when h.published_day is not null"
            f" then case when e.began_s / {DAY_S} - h.published_day <= {FRESH_DAYS}"
            " then 'new' else 'back' end else 'unknown' end"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """A choice of one user's events; what is None or empty is not asked about.

    Attributes:
        zone: Whose clock `hour` and `weekday` are read from.
        from_s: First second, UTC epoch. Events count where they end.
        to_s: First second after it, UTC epoch.
        overlaps: Also events that only begin before `to_s`, or end after it: all that have
            a part of the time.
        show: Row of a show, or `NO_SHOW`.
        episode: Row of an episode.
        episodes: Rows of episodes, of which it is one.
        source: Something it told of: a `src.history.observations.Source`.
        certainties: Of these, `src.history.merge.event.Certainty`.
        weekday: Of the end, Monday is 1.
        hour: Of the end, 0 to 23, local.
        placed: Whether its hour is known; only windows may have none.
        completion: Of its episode, by all its events from `from_s` to `to_s`.
        catalogue: Age of its episode.
        doubtful: Whether it is perhaps counted twice.
        hidden: Those that the user does not want to see, instead of the others.
    """

    zone: ZoneInfo
    from_s: int | None = None
    to_s: int | None = None
    overlaps: bool = False
    show: int | None = None
    episode: int | None = None
    episodes: tuple[int, ...] | None = None
    source: str | None = None
    certainties: tuple[str, ...] = ()
    weekday: int | None = None
    hour: int | None = None
    placed: bool | None = None
    completion: Completion | None = None
    catalogue: Catalogue | None = None
    doubtful: bool | None = None
    hidden: bool = False

    @property
    def hour_of_week(self) -> str:
        """SQL for the local hour in which `e` ended, 0 to 167 from Monday's first."""
        hours = f"({self.local('e.ended_s')} / 3600 + {_MONDAY_H})"
        return f"({hours} - {hours} / {_WEEK_H} * {_WEEK_H})"

    @property
    def is_placed(self) -> str:
        """SQL that tells whether the hour of `e` is known."""
        earliest, latest = self.local("e.earliest_s"), self.local("e.latest_s")
        return f"(e.certainty <> 'window' or {earliest} / 3600 = {latest} / 3600)"

    def local(self, column: str) -> str:
        """Return SQL for an instant as seconds of the user's clock."""
        from_s = _FIRST_S if self.from_s is None else max(_FIRST_S, self.from_s - LONGEST_STREAM_S)
        to_s = _LAST_S if self.to_s is None else min(_LAST_S, self.to_s + LONGEST_STREAM_S)
        return local_seconds(column, self.zone, from_s=from_s, to_s=max(from_s, to_s))


async def where(session: Session, *, user_id: UserId, events: Events) -> Where:
    """Return the condition for `events` of one user; it may ask the database how far to look."""
    parts, values = ["e.user_id = ?", "e.hidden" if events.hidden else "not e.hidden"], [user_id]
    found: list[tuple[str, tuple[object, ...]]] = [(" and ".join(parts), tuple(values))]
    found += await _time(session, user_id, events)
    found += _plain(events)
    if events.source is not None:
        found.append((_TOLD_BY, (user_id, events.source, user_id, events.source)))
    if events.completion is not None:
        inner = [("t.user_id = ? and not t.hidden", (user_id,)), *_ends(events, "t")]
        text = f"e.episode_ref in ({_OF_COMPLETION.format(' and '.join(one for one, _ in inner))})"
        flat = tuple(value for _, some in inner for value in some)
        found.append((text, (*flat, user_id, events.completion.value)))
    if events.catalogue is not None:
        text = (
            f"(select {Sql.age(session)} from history_episode h left join episode c"
            " on c.id = h.episode_id where h.id = e.episode_ref and h.user_id = ?) = ?"
        )
        found.append((text, (user_id, events.catalogue.value)))
    return Where(
        " and ".join(text for text, _ in found),
        tuple(value for _, some in found for value in some),
    )


async def reach_s(session: Session, *, user_id: UserId, at_s: int) -> int:
    """Return an instant before which all events end that began before `at_s`; UTC epoch."""
    rows = await _LATEST_WINDOW.rows(session, user_id, at_s, at_s)
    latest_s: int = rows[0][0]
    return max(at_s + LONGEST_STREAM_S, latest_s + 1)


_LATEST_WINDOW = Statement(
    "select coalesce(max(ended_s), 0) from listening_event"
    " where user_id = ? and certainty = 'window' and ended_s >= ? and began_s < ?"
)
_TOLD_BY = (
    "(exists (select 1 from observation o where o.user_id = ? and o.id = e.observation_id"
    " and o.source = ?) or exists (select 1 from event_source x join observation o"
    " on o.id = x.observation_id where x.user_id = ? and x.event_id = e.id and o.source = ?))"
)
_OF_COMPLETION = (
    "select t.episode_ref from (select t.episode_ref, sum(t.ms) as ms from listening_event t"
    f" where {{}} group by t.episode_ref) t {Sql.with_episode('t.episode_ref')}"
    f" where {Sql.completion('t.ms')} = ?"
)

_Parts = list[tuple[str, tuple[object, ...]]]


async def _time(session: Session, user_id: UserId, events: Events) -> _Parts:
    if not events.overlaps or events.to_s is None:
        return _ends(events, "e")
    found = [] if events.from_s is None else [("e.ended_s >= ?", (events.from_s,))]
    reach = await reach_s(session, user_id=user_id, at_s=events.to_s)
    return [*found, ("e.ended_s < ? and e.began_s < ?", (reach, events.to_s))]


def _ends(events: Events, table: str) -> _Parts:
    found: _Parts = []
    if events.from_s is not None:
        found.append((f"{table}.ended_s >= ?", (events.from_s,)))
    if events.to_s is not None:
        found.append((f"{table}.ended_s < ?", (events.to_s,)))
    return found


def _plain(events: Events) -> _Parts:
    asked: list[tuple[bool, str, tuple[object, ...]]] = [
        (bool(events.show), "e.show_ref = ?", (events.show,)),
        (events.show == NO_SHOW, "e.show_ref is null", ()),
        (events.episode is not None, "e.episode_ref = ?", (events.episode,)),
        (events.episodes is not None, "e.episode_ref = {ints}", (list(events.episodes or ()),)),
        (bool(events.certainties), "e.certainty = {texts}", (list(events.certainties),)),
        (events.doubtful is not None, "e.doubtful" if events.doubtful else "not e.doubtful", ()),
    ]
    found = [(text, values) for is_asked, text, values in asked if is_asked]
    if events.weekday is not None:
        found.append((f"{events.hour_of_week} / 24 + 1 = ?", (events.weekday,)))
    if events.hour is not None:
        hour = events.hour_of_week
        found.append((f"{hour} - {hour} / 24 * 24 = ?", (events.hour,)))
    if events.placed is False:
        found.append((f"not {events.is_placed}", ()))
    elif events.placed or events.hour is not None or events.weekday is not None:
        found.append((events.is_placed, ()))
    return found

"""Statistics: sums of events, each figure with the request that lists what is behind it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from src.database import Session
from src.history.figures import Asked, Fields, Figure, instant
from src.history.queries import listing
from src.history.queries import statistics as queries
from src.history.queries.filters import NO_SHOW, Catalogue, Completion
from src.history.queries.statistics import Crossing, Run, ShowSum, Sum
from src.history.shares import share_ms
from src.history.sittings import GAP_S, PLAY_MS
from src.history.statistics_schemas import (
    Backlog,
    ByCatalogue,
    ByCertainty,
    ByCompletion,
    ByHour,
    ByShow,
    CertaintyName,
    Hours,
    ShowName,
    Statistics,
    Streak,
    Streaks,
    Time,
    Totals,
)
from src.history.zones import (
    Period,
    Unit,
    after,
    day_of,
    first_of,
    midnight_s,
    numbered_day,
)
from src.utils.types import UserId

STREAK_MS = 30_000
"""Least milliseconds of a day that belongs to a streak."""

_EVENTS_AT_ONCE = 10_000
_ONE_DAY = timedelta(days=1)

Days = Mapping[date, Sum]
"""What was heard within local days, by parts; events are counted where they ended."""


async def statistics(
    session: Session, *, user_id: UserId, asked: Asked, unit: Unit, today: date
) -> Statistics:
    """Return all statistics of a time.

    Args:
        session: Opened for `user_id`.
        user_id: Whose.
        asked: The time, and the one show if only its events are meant.
        unit: Into what parts the time is cut.
        today: The user's present day.
    """
    events = asked.events
    shows = await queries.by_show(session, user_id=user_id, events=events)
    days = await days_of(session, user_id=user_id, asked=asked)
    total = total_of(shows)
    episodes, length_ms = await queries.backlog(session, user_id=user_id)
    return Statistics(
        zone=asked.zone.key,
        from_at=instant(asked.from_s),
        to_at=instant(asked.to_s),
        totals=Totals.model_validate(
            {
                **asked.figure(total),
                "plays": await _plays(session, user_id=user_id, asked=asked, total=total),
                "episodes": sum(one.episodes for one in shows),
                "shows": sum(one.show is not None for one in shows),
            }
        ),
        certainty=certainty_of(asked, shows),
        shows=await shows_of(session, user_id=user_id, asked=asked, shows=shows),
        time=time_of(asked, unit, days),
        hours=await _hours(session, user_id=user_id, asked=asked, total=total),
        completion=await _completion(session, user_id=user_id, asked=asked),
        catalogue=await _catalogue(session, user_id=user_id, asked=asked),
        streaks=streaks_of(asked, days, today),
        backlog=Backlog(episodes=episodes, ms=length_ms),
    )


async def record_of(
    session: Session, *, user_id: UserId, zone: ZoneInfo, now_s: int
) -> tuple[int, int]:
    """Return the time of the whole history: its first second and the first one after it.

    From the local day in which the first event began to the end of the day in which the last
    ended, or of the present one if that is later. Without events it is the present day.

    Args:
        session: Opened for `user_id`.
        user_id: Whose history.
        zone: Whose days.
        now_s: The present instant, UTC epoch.
    """
    first_s, last_s = await listing.bounds(session, user_id=user_id) or (now_s, now_s)
    last = max(day_of(last_s, zone), day_of(now_s, zone))
    return midnight_s(day_of(first_s, zone), zone), midnight_s(after(last, Unit.DAY), zone)


async def days_of(session: Session, *, user_id: UserId, asked: Asked) -> dict[date, Sum]:
    """Return what was heard within each local day of the time, in order; quiet ones are left out.

    What goes on over midnight is shared out: the milliseconds of all days sum to what was
    heard within the time.
    """
    events = asked.events
    found: defaultdict[date, Sum] = defaultdict(Sum)
    for number, whole in (await queries.by_day(session, user_id=user_id, events=events)).items():
        found[numbered_day(number)] = whole
    for one in await queries.crossing(session, user_id=user_id, events=events):
        if asked.from_s <= one.ended_s < asked.to_s:
            known_ms = one.ms if one.is_known else 0
            day = numbered_day(one.day)
            found[day] = found[day].plus(Sum(0, -one.ms, -known_ms))
        for day, ms in _parts(asked, one):
            found[day] = found[day].plus(Sum(0, ms, ms if one.is_known else 0))
    return dict(sorted(found.items()))


def _parts(asked: Asked, event: Crossing) -> Iterator[tuple[date, int]]:
    """Yield what was heard on each local day within the time, the last day first."""
    began_s, ended_s, ms, _, number = event
    day, until_s = numbered_day(number), ended_s + 1
    while until_s > max(began_s, asked.from_s):
        begins_s = midnight_s(day, asked.zone)
        from_s, to_s = max(begins_s, asked.from_s), min(until_s, asked.to_s)
        if from_s < to_s:
            yield day, share_ms(began_s, ended_s, ms, from_s=from_s, to_s=to_s)
        day, until_s = day - _ONE_DAY, begins_s


def total_of(shows: Iterable[ShowSum]) -> Sum:
    """Return what was heard of all shows."""
    return _together(one.sum for one in shows)


def _together(parts: Iterable[Sum]) -> Sum:
    events = ms = known_ms = 0
    for part in parts:
        events += part.events
        ms += part.ms
        known_ms += part.known_ms
    return Sum(events, ms, known_ms)


def certainty_of(asked: Asked, shows: Iterable[ShowSum]) -> list[ByCertainty]:
    """Return what was heard at times known so well, best first."""
    found = dict.fromkeys(CertaintyName, Sum())
    for one in shows:
        for name in CertaintyName:
            found[name] = found[name].plus(one.by_certainty[name])
    return [
        ByCertainty.model_validate({**asked.figure(heard, certainty=name.value), "certainty": name})
        for name, heard in found.items()
    ]


async def shows_of(
    session: Session, *, user_id: UserId, asked: Asked, shows: Iterable[ShowSum]
) -> list[ByShow]:
    """Return the figures of these shows, in their order, with their names."""
    sums = list(shows)
    ids = [one.show for one in sums if one.show is not None]
    names = await queries.show_names(session, user_id=user_id, shows=ids) if ids else {}
    found = []
    for one in sums:
        show = None
        if one.show is not None:
            name, spotify_id = names[one.show]
            show = ShowName(id=one.show, name=name, spotify_id=spotify_id)
        figure = asked.figure(one.sum, show=str(one.show or NO_SHOW))
        found.append(ByShow.model_validate({**figure, "show": show, "episodes": one.episodes}))
    return found


def time_of(asked: Asked, unit: Unit, days: Days) -> Time:
    """Return what was heard within the time, in parts of that unit."""
    heard = {
        first: _together(part for _, part in parts)
        for first, parts in groupby(days.items(), key=lambda one: first_of(one[0], unit))
    }
    total = _together(heard.values())
    return Time.model_validate(
        {
            **asked.part(total, asked.from_s, asked.to_s),
            "unit": unit,
            "periods": [
                _period(asked, _cut(asked, first, unit), part) for first, part in heard.items()
            ],
        }
    )


def _period(asked: Asked, period: Period, part: Sum) -> Fields:
    return {
        **asked.part(part, period.from_s, period.to_s),
        "first": period.first,
        "from_at": instant(period.from_s),
        "to_at": instant(period.to_s),
    }


def _cut(asked: Asked, first: date, unit: Unit) -> Period:
    from_s, to_s = midnight_s(first, asked.zone), midnight_s(after(first, unit), asked.zone)
    return Period(first, max(from_s, asked.from_s), min(to_s, asked.to_s))


def streaks_of(asked: Asked, days: Days, today: date) -> Streaks:
    """Return the longest streak and the one that is on."""
    found: list[list[date]] = []
    for day in (day for day, part in days.items() if part.ms >= STREAK_MS):
        if found and _next(asked, found[-1][-1]) == day:
            found[-1].append(day)
        else:
            found.append([day])
    if not found:
        return Streaks(longest=None, current=None)
    is_on = _next(asked, found[-1][-1]) >= today
    return Streaks(
        longest=_streak(asked, max(found, key=len), days),
        current=_streak(asked, found[-1], days) if is_on else None,
    )


def _next(asked: Asked, day: date) -> date:
    """Return the next day that the zone has."""
    following = after(day, Unit.DAY)
    later = after(following, Unit.DAY)
    is_skipped = midnight_s(following, asked.zone) == midnight_s(later, asked.zone)
    return later if is_skipped else following


def _streak(asked: Asked, streak: list[date], days: Days) -> Streak:
    heard = _together(days[day] for day in streak)
    first, last = _cut(asked, streak[0], Unit.DAY), _cut(asked, streak[-1], Unit.DAY)
    figure = asked.part(heard, first.from_s, last.to_s)
    return Streak.model_validate(
        {**figure, "first": streak[0], "last": streak[-1], "days": len(streak)}
    )


async def _plays(session: Session, *, user_id: UserId, asked: Asked, total: Sum) -> int:
    parts = 1 + total.events // _EVENTS_AT_ONCE
    found = 0
    for part in range(parts):
        runs = await queries.runs(
            session, user_id=user_id, events=asked.events, part=part, parts=parts
        )
        found += plays_of(runs)
    return found


def plays_of(runs: Iterable[Run]) -> int:
    """Return how many sittings are plays; see `src.history.sittings`.

    Args:
        runs: Events, together by episode, and by begin in each.
    """
    plays = 0
    for _, together in groupby(runs, key=lambda run: run.episode_ref):
        ms = 0
        ended_s: int | None = None
        for run in together:
            if ended_s is None or run.began_s - ended_s > GAP_S:
                plays += ms >= PLAY_MS
                ms, ended_s = 0, run.ended_s
            ms, ended_s = ms + run.ms, max(ended_s, run.ended_s)
        plays += ms >= PLAY_MS
    return plays


async def _hours(session: Session, *, user_id: UserId, asked: Asked, total: Sum) -> Hours:
    cells = await queries.by_hour(session, user_id=user_id, events=asked.events)
    unknown = total
    for part in cells.values():
        unknown = unknown.plus(Sum(-part.events, -part.ms, -part.known_ms))
    return Hours(
        cells=[_cell(asked, index, part) for index, part in sorted(cells.items())],
        unknown=Figure.model_validate(asked.figure(unknown, placed="false")),
    )


def _cell(asked: Asked, index: int, part: Sum) -> ByHour:
    weekday, hour = index // 24 + 1, index % 24
    figure = asked.figure(part, weekday=str(weekday), hour=str(hour))
    return ByHour.model_validate({**figure, "weekday": weekday, "hour": hour})


async def _completion(session: Session, *, user_id: UserId, asked: Asked) -> list[ByCompletion]:
    found = await queries.by_completion(session, user_id=user_id, events=asked.events)
    classes = ((one, *found.get(one, (0, Sum()))) for one in Completion)
    return [
        ByCompletion.model_validate(
            {
                **asked.figure(heard, completion=one.value),
                "completion": one,
                "episodes": episodes,
            }
        )
        for one, episodes, heard in classes
    ]


async def _catalogue(session: Session, *, user_id: UserId, asked: Asked) -> list[ByCatalogue]:
    found = await queries.by_catalogue(session, user_id=user_id, events=asked.events)
    return [
        ByCatalogue.model_validate(
            {**asked.figure(found.get(one, Sum()), catalogue=one.value), "catalogue": one}
        )
        for one in Catalogue
    ]

"""A year of listening, and one day through the years."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from src.database import Session
from src.history import listing
from src.history.coverage import Known, Span, calendar, seconds_of
from src.history.coverage_report import mostly, seconds_told, swept_of
from src.history.figures import Asked
from src.history.queries import statistics as queries
from src.history.queries.filters import Events
from src.history.queries.listing import ends
from src.history.queries.statistics import Sum
from src.history.statistics import (
    Days,
    certainty_of,
    days_of,
    shows_of,
    streaks_of,
    time_of,
    total_of,
)
from src.history.yearly_schemas import DayOfYear, OnThisDay, SameDay, Year, YearTotals
from src.history.zones import Unit, after, day_of, midnight_s, period_of
from src.utils.types import UserId

TOP_SHOWS = 10
EVENTS_A_DAY = 200
"""Most events told of one day; more than a day has time for."""


async def year_of(
    session: Session, *, user_id: UserId, number: int, zone: ZoneInfo, now_s: int
) -> Year:
    """Return a local year of listening.

    Args:
        session: Opened for `user_id`.
        user_id: Whose.
        number: The year.
        zone: Whose days.
        now_s: The present, UTC epoch; coverage is told up to it.
    """
    period = period_of(date(number, 1, 1), Unit.YEAR, zone)
    asked = Asked(zone, period.from_s, period.to_s)
    shows = await queries.by_show(session, user_id=user_id, events=asked.events)
    days = await days_of(session, user_id=user_id, asked=asked)
    total = total_of(shows)
    until_s = max(asked.from_s, min(asked.to_s, now_s))
    spans = await swept_of(session, user_id=user_id, from_s=asked.from_s, to_s=until_s)
    return Year(
        year=number,
        years=list(await _years(session, user_id=user_id, zone=zone, now_s=now_s)),
        zone=zone.key,
        totals=YearTotals.model_validate(
            {
                **asked.figure(total),
                "episodes": sum(one.episodes for one in shows),
                "shows": sum(one.show is not None for one in shows),
                "days": sum(part.ms > 0 for part in days.values()),
            }
        ),
        certainty=certainty_of(asked, shows),
        shows=await shows_of(session, user_id=user_id, asked=asked, shows=shows[:TOP_SHOWS]),
        months=time_of(asked, Unit.MONTH, days),
        days=_days(asked, days, spans),
        longest_streak=streaks_of(asked, days, day_of(now_s, zone)).longest,
        seconds=seconds_told(seconds_of(spans)),
    )


async def _years(session: Session, *, user_id: UserId, zone: ZoneInfo, now_s: int) -> range:
    """Return the local years from that of the first event to that of the last or present one."""
    first_s, last_s = await ends(session, user_id=user_id) or (now_s, now_s)
    return range(day_of(first_s, zone).year, day_of(max(last_s, now_s), zone).year + 1)


def _days(asked: Asked, days: Days, spans: Sequence[Span]) -> list[DayOfYear]:
    """Return each day of which it is told what is known, and what was heard later all the same."""
    known = {day.day: mostly(day.seconds) for day in calendar(spans, zone=asked.zone)}
    told = known | {day: Known.NONE for day in days if day not in known}
    quiet = Sum()
    found = []
    for day, how in told.items():
        from_s, to_s = midnight_s(day, asked.zone), midnight_s(after(day, Unit.DAY), asked.zone)
        figure = asked.part(days.get(day, quiet), from_s, to_s)
        found.append(DayOfYear.model_validate({**figure, "day": day, "known": how}))
    return found


async def on_this_day(
    session: Session, *, user_id: UserId, day: date, zone: ZoneInfo, now_s: int
) -> OnThisDay:
    """Return what was heard on the same day of other years, the latest year first.

    Args:
        session: Opened for `user_id`.
        user_id: Whose.
        day: A local day; 29 February is found in leap years only.
        zone: Whose days.
        now_s: The present, UTC epoch.
    """
    found = []
    for number in reversed(await _years(session, user_id=user_id, zone=zone, now_s=now_s)):
        same = _in_year(day, number)
        if same is None or same == day:
            continue
        period = period_of(same, Unit.DAY, zone)
        asked = Asked(zone, period.from_s, period.to_s)
        events = Events(zone=zone, from_s=period.from_s, to_s=period.to_s, overlaps=True)
        shown, _ = await listing.page(
            session, user_id=user_id, events=events, after=None, limit=EVENTS_A_DAY
        )
        if shown:
            heard = (await days_of(session, user_id=user_id, asked=asked)).get(same, Sum())
            figure = asked.part(heard, period.from_s, period.to_s)
            found.append(
                SameDay.model_validate({**figure, "year": number, "day": same, "listened": shown})
            )
    return OnThisDay(zone=zone.key, day=day, years=found)


def _in_year(day: date, number: int) -> date | None:
    try:
        return day.replace(year=number)
    except ValueError:
        return None

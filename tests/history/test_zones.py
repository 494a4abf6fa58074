"""Local days and hours, told to a database as text, are those of the zone's own clock."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.shares import share_ms
from src.history.zones import (
    DAY_S,
    Unit,
    day_number,
    day_of,
    local_day,
    local_seconds,
    midnight_s,
    numbered_day,
    period_of,
    periods,
    zone_named,
)

FROM = date(2000, 1, 1)
TO = date(2027, 1, 1)
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",  # went back at one minute past midnight
    "America/Sao_Paulo",  # skipped midnights
    "Pacific/Apia",  # skipped a whole day
    "Antarctica/Troll",  # two hours at once
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # four changes a year
    "Asia/Kathmandu",
    "Asia/Calcutta",
    "US/Pacific",
    "UTC",
]
named = st.sampled_from(ZONES)
instants = st.integers(midnight_s(FROM, zone_named("UTC")), midnight_s(TO, zone_named("UTC")))


def utc_s(text: str) -> int:
    """UTC epoch seconds of `2024-03-31T01:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def evaluated(text: str, second: int) -> int:
    """What a database makes of an expression over `?`."""
    with sqlite3.connect(":memory:") as database:
        found: int = database.execute(
            f"select {text} from (select ? as second)", (second,)
        ).fetchone()[0]
    database.close()
    return found


@given(named, instants)
def test_text_gives_the_wall_clock(name: str, second: int) -> None:
    """The offsets written out are those of the zone, at every instant."""
    zone = zone_named(name)
    clock = datetime.fromtimestamp(second, zone).replace(tzinfo=UTC)

    text = local_seconds("second", zone, from_s=second - 400 * DAY_S, to_s=second + 400 * DAY_S)

    assert int(clock.timestamp()) == evaluated(text, second)


@given(named, instants)
def test_text_gives_the_day_between_two_midnights(name: str, second: int) -> None:
    """Days by text and days by their borders are the same, also where midnight comes twice."""
    zone = zone_named(name)

    text = local_day("second", zone, from_s=second - 400 * DAY_S, to_s=second + 400 * DAY_S)
    day = numbered_day(evaluated(text, second))

    assert day_of(second, zone) == day
    assert midnight_s(day, zone) <= second < midnight_s(day + timedelta(days=1), zone)


@pytest.mark.parametrize("minutes", range(-3, 125, 4))
def test_midnight_that_comes_twice_begins_one_day(minutes: int) -> None:
    """In St. John's, 2006-10-29 began, went back to 23:01, and came again an hour later."""
    zone = zone_named("America/St_Johns")
    second = utc_s("2006-10-29T02:30") + 60 * minutes

    text = local_day("second", zone, from_s=utc_s("2006-01-01"), to_s=utc_s("2007-01-01"))

    expected = date(2006, 10, 28) if minutes < 0 else date(2006, 10, 29)
    assert expected == day_of(second, zone)
    assert day_number(expected) == evaluated(text, second)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), 23),
        ("Europe/Berlin", date(2024, 10, 27), 25),
        ("Europe/Berlin", date(2024, 6, 1), 24),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("US/Pacific", date(2024, 3, 10), 23),
        ("Asia/Calcutta", date(2024, 3, 10), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_days_are_as_long_as_their_clock_makes_them(name: str, day: date, hours: float) -> None:
    """23 and 25 hours where clocks change, and none where a day was skipped."""
    period = period_of(day, Unit.DAY, zone_named(name))

    assert hours * 3600 == period.to_s - period.from_s


def test_hour_that_comes_twice_is_one_hour() -> None:
    """2024-10-27 00:30 and 01:30 UTC are both half past two in Berlin."""
    zone = zone_named("Europe/Berlin")
    text = local_seconds("second", zone, from_s=utc_s("2024-01-01"), to_s=utc_s("2025-01-01"))

    seconds = [evaluated(text, utc_s(f"2024-10-27T{hour}:30")) for hour in ("00", "01")]

    assert [2, 2] == [second % DAY_S // 3600 for second in seconds]


@given(named, st.sampled_from(Unit), instants, st.integers(0, 800 * DAY_S))
def test_periods_lie_side_by_side(name: str, unit: Unit, from_s: int, length_s: int) -> None:
    """Whatever the unit, nothing is left out and nothing counted twice."""
    to_s = from_s + length_s

    found = list(periods(unit, zone_named(name), from_s=from_s, to_s=to_s))

    borders = [period.from_s for period in found] + [to_s]
    assert length_s == sum(period.to_s - period.from_s for period in found)
    assert [from_s, *borders[1:]] == borders
    assert [period.to_s for period in found] == borders[1:]


@pytest.mark.parametrize(
    ("unit", "first", "last"),
    [
        (Unit.DAY, date(2024, 2, 29), date(2024, 2, 29)),
        (Unit.WEEK, date(2024, 2, 26), date(2024, 3, 3)),
        (Unit.MONTH, date(2024, 2, 1), date(2024, 2, 29)),
        (Unit.YEAR, date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
def test_periods_are_those_of_the_calendar(unit: Unit, first: date, last: date) -> None:
    """Weeks begin on Monday, months and years on their first day."""
    zone = zone_named("Europe/Berlin")
    second = utc_s("2024-02-29T12:00")

    found = [one for one in (period_of(first, unit, zone),) if one.from_s <= second < one.to_s]

    assert [last] == [day_of(one.to_s - 1, zone) for one in found]
    assert first == next(periods(unit, zone, from_s=one_day(first), to_s=second)).first


def one_day(first: date) -> int:
    """The first second of a day in Berlin."""
    return midnight_s(first, zone_named("Europe/Berlin"))


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "", "/etc/localtime", "a\0b"])
def test_names_of_no_zone_are_refused(name: str) -> None:
    """Nothing but names of the database, and no way out of its folder."""
    with pytest.raises(ZoneInfoNotFoundError):
        zone_named(name)


def test_listening_over_midnight_belongs_to_both_days() -> None:
    """22:50 to 23:10 UTC on 10 January 2024 is half and half in Berlin."""
    zone = zone_named("Europe/Berlin")
    began_s, ended_s = utc_s("2024-01-10T22:50"), utc_s("2024-01-10T23:10")
    days = [period_of(date(2024, 1, day), Unit.DAY, zone) for day in (9, 10, 11, 12)]

    shares = [
        share_ms(began_s, ended_s, 1_000_000, from_s=day.from_s, to_s=day.to_s) for day in days
    ]

    assert [0, 500_000, 500_000, 0] == shares


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**9),
    st.lists(st.integers(-10, 2 * 10**6 + 10), max_size=8),
)
def test_shares_sum_to_the_whole(began_s: int, wall_s: int, ms: int, cuts: list[int]) -> None:
    """Wherever time is cut, no millisecond is lost or counted twice."""
    borders = [-20, *sorted(cuts), 2 * 10**6 + 20]

    shares = [
        share_ms(began_s, began_s + wall_s, ms, from_s=low, to_s=high)
        for low, high in pairwise(borders)
    ]

    assert ms == sum(shares)
    assert min(shares) >= 0

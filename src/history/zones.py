"""Local time without the database's help: a zone as text of SQL, midnights, and borders of periods.

One text runs on both databases: the offsets of the zone are read here and written out as a
`CASE` over its clock changes. A local day lasts from its first instant to the next day's first
instant, 23 to 25 hours; borders are compared in UTC, so that the index of events by time works.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_S = 86_400
_ONE_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_EPOCH = date(1970, 1, 1)


class Unit(StrEnum):
    """Lengths of the periods in which listening is summed up; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Period(NamedTuple):
    """A local period: its first day, its first second and the first one after it (UTC epoch)."""

    first: date
    from_s: int
    to_s: int


class Change(NamedTuple):
    """A clock change: from `at_s` (UTC epoch) on, local time is `offset_s` ahead of UTC."""

    at_s: int
    offset_s: int


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """Return a zone of the IANA database, old names included.

    The rules are those of the `tzdata` package, so that every host counts the same days; only
    a name that it lacks is looked for on the host.

    Raises:
        ZoneInfoNotFoundError: Nobody knows the name.
    """
    parts = name.split("/")
    if not all(part.replace("_", "").replace("-", "").replace("+", "").isalnum() for part in parts):
        raise ZoneInfoNotFoundError(name)
    rules = files("tzdata").joinpath("zoneinfo", *parts)
    if not rules.is_file():
        return ZoneInfo(name)
    with rules.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def day_of(second: int, zone: ZoneInfo) -> date:
    """Return the local day of an instant, given in UTC epoch seconds."""
    day = datetime.fromtimestamp(second, zone).date()
    following = day + _ONE_DAY
    # Where clocks go back over midnight, the new day has begun before its date is shown again.
    return following if midnight_s(following, zone) <= second else day


@lru_cache(maxsize=20_000)
def midnight_s(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a local day, UTC epoch seconds.

    A midnight that a clock change skips is the change itself.
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def first_of(day: date, unit: Unit) -> date:
    """Return the first day of the period of that length in which `day` lies."""
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    if unit is Unit.DAY:
        return day
    return day.replace(day=1) if unit is Unit.MONTH else day.replace(month=1, day=1)


def after(first: date, unit: Unit) -> date:
    """Return the first day of the period that follows the one that begins at `first`."""
    if unit is Unit.DAY:
        return first + _ONE_DAY
    if unit is Unit.WEEK:
        return first + timedelta(days=7)
    return first_of(first.replace(day=1) + timedelta(days=31 if unit is Unit.MONTH else 366), unit)


def period_of(first: date, unit: Unit, zone: ZoneInfo) -> Period:
    """Return the period of that length that begins with the day `first`."""
    return Period(first, midnight_s(first, zone), midnight_s(after(first, unit), zone))


def periods(unit: Unit, zone: ZoneInfo, *, from_s: int, to_s: int) -> Iterator[Period]:
    """Yield the periods of that length from `from_s` to `to_s`, cut where those lie.

    They are side by side, so their seconds sum to `to_s - from_s`; a day that the zone
    skipped is left out.
    """
    first = first_of(day_of(from_s, zone), unit)
    begins_s = midnight_s(first, zone)
    while begins_s < to_s:
        following = after(first, unit)
        ends_s = midnight_s(following, zone)
        cut = Period(first, max(begins_s, from_s), min(ends_s, to_s))
        if cut.from_s < cut.to_s:
            yield cut
        first, begins_s = following, ends_s


def local_seconds(column: str, zone: ZoneInfo, *, from_s: int, to_s: int) -> str:
    """Return SQL for local time as seconds since 1970-01-01 00:00 of the wall clock.

    Args:
        column: SQL of an instant, UTC epoch seconds.
        zone: Whose clock.
        from_s: The text is true from here on, UTC epoch.
        to_s: And before here.
    """
    pieces = [f"{column} + {change.offset_s}" for change in _within(zone, from_s, to_s)]
    return _cases(column, [change.at_s for change in _within(zone, from_s, to_s)], pieces)


def local_day(column: str, zone: ZoneInfo, *, from_s: int, to_s: int) -> str:
    """Return SQL for the local day as days since 1970-01-01, as `day_of` counts them.

    Args are those of `local_seconds`.
    """
    starts: list[int] = []
    days: list[str] = []
    before: Change | None = None
    for change in _within(zone, from_s, to_s):
        starts.append(change.at_s)
        if before is not None:
            begun = (change.at_s - 1 + before.offset_s) // DAY_S
            if (change.at_s + change.offset_s) // DAY_S < begun:  # back over midnight
                days.append(str(begun))
                starts.append(begun * DAY_S - change.offset_s)
        days.append(f"({column} + {change.offset_s}) / {DAY_S}")
        before = change
    return _cases(column, starts, days)


def day_number(day: date) -> int:
    """Return a day as days since 1970-01-01, as `local_day` gives it."""
    return (day - _EPOCH).days


def numbered_day(number: int) -> date:
    """Return the day that `local_day` gives as `number`."""
    return _EPOCH + timedelta(days=number)


def _cases(column: str, starts: list[int], pieces: list[str]) -> str:
    """Choose the piece that holds at an instant; the first holds before its start too."""
    if len(pieces) == 1:
        return f"({pieces[0]})"
    told = " ".join(
        f"when {column} < {until_s} then {piece}"
        for until_s, piece in zip(starts[1:], pieces[:-1], strict=True)
    )
    return f"(case {told} else {pieces[-1]} end)"


def _within(zone: ZoneInfo, from_s: int, to_s: int) -> list[Change]:
    """Return the offset at `from_s`, as if it changed there, and the changes before `to_s`."""
    found = [Change(from_s, _offset_s(from_s, zone))]
    first, last = (datetime.fromtimestamp(at_s, UTC).year for at_s in (from_s, max(from_s, to_s)))
    for year in range(max(first, _FIRST_YEAR), min(last, _LAST_YEAR) + 1):
        found += [change for change in _changes_in(zone, year) if from_s < change.at_s < to_s]
    return found


@lru_cache(maxsize=1024)
def _changes_in(zone: ZoneInfo, year: int) -> tuple[Change, ...]:
    """Return the clock changes of a UTC year, looked for a day at a time."""
    start_s = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    stop_s = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found = []
    before = _offset_s(start_s - 1, zone)
    for day_s in range(start_s, stop_s, DAY_S):
        offset_s = _offset_s(day_s + DAY_S - 1, zone)
        if offset_s != before:
            found.append(Change(_first_with(offset_s, zone, day_s - 1), offset_s))
            before = offset_s
    return tuple(found)


def _first_with(offset_s: int, zone: ZoneInfo, before_s: int) -> int:
    """Return the first second, within a day after `before_s`, that has the offset."""
    low, high = before_s, before_s + DAY_S
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset_s(middle, zone) == offset_s else (middle, high)
    return high


def _offset_s(second: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())

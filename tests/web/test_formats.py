"""The formats of the pages, held to their table."""

from datetime import UTC, datetime

import pytest

from src.web.formats import Times, count, counted, duration, money

NOW = datetime(2026, 11, 21, 17, 40, tzinfo=UTC)
LISBON = Times("Europe/Lisbon", NOW)
AUCKLAND = Times("Pacific/Auckland", NOW)


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (None, ""),
        (0, "0 s"),
        (38_999, "38 s"),
        (60_000, "1 min"),
        (42 * 60_000 + 59_000, "42 min"),
        (3_600_000, "1 h"),
        (72 * 60_000, "1 h 12 min"),
        (99 * 3_600_000 + 59 * 60_000, "99 h 59 min"),
        (412 * 3_600_000 + 60_000, "412 h"),
        (1_412 * 3_600_000, "1,412 h"),
    ],
)
def test_durations(ms: int | None, expected: str) -> None:
    """Seconds below a minute, minutes below an hour, hours alone from a hundred on."""
    assert expected == duration(ms)


@pytest.mark.parametrize(
    ("micro", "expected"),
    [
        (0, "$0"),
        (1, "less than $0.0001"),
        (99, "less than $0.0001"),
        (100, "$0.0001"),
        (149, "$0.0001"),
        (150, "$0.0002"),
        (4_400, "$0.0044"),
        (999_949, "$0.9999"),
        (999_950, "$1.00"),
        (12_400_000, "$12.40"),
        (1_234_567_890, "$1,234.57"),
        (-4_400, "\N{MINUS SIGN}$0.0044"),
    ],
)
def test_money(micro: int, expected: str) -> None:
    """A sum that is not nothing never looks like nothing."""
    assert expected == money(micro)


def test_counts() -> None:
    """Thousands are parted, and one is one."""
    assert "48,311" == count(48_311)
    assert "1 show" == counted(1, "show")
    assert "0 shows" == counted(0, "show")
    assert "2,318 replies" == counted(2_318, "reply", "replies")


@pytest.mark.parametrize(
    ("times", "instant", "expected"),
    [
        (LISBON, datetime(2026, 11, 21, 16, 2, tzinfo=UTC), "16:02"),
        (AUCKLAND, datetime(2026, 11, 21, 16, 2, tzinfo=UTC), "05:02"),
        (AUCKLAND, datetime(2026, 11, 21, 10, 59, tzinfo=UTC), "Sat 21 Nov, 23:59"),
        (LISBON, datetime(2026, 7, 4, 22, 30, tzinfo=UTC), "Sat 4 Jul, 23:30"),
        (LISBON, datetime(2027, 4, 4, 8, 0, tzinfo=UTC), "Sun 4 Apr 2027, 09:00"),
    ],
)
def test_instants_are_told_in_the_readers_zone(
    times: Times, instant: datetime, expected: str
) -> None:
    """Today's need no day, another year's say which; machines read UTC."""
    machine = instant.strftime("%Y-%m-%dT%H:%M:%SZ")

    assert f'<time datetime="{machine}">{expected}</time>' == times.at(instant)


def test_a_day_is_that_of_the_readers_zone() -> None:
    """Late in the evening in UTC it is tomorrow in Auckland."""
    late = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)

    assert ">Fri 20 Nov<" in LISBON.day(late)
    assert ">Sat 21 Nov<" in AUCKLAND.day(late)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", "Sat 21 Nov"),
        ("2017-02-03", "Fri 3 Feb 2017"),
        ("2017-02", "Feb 2017"),
        ("2017", "2017"),
        ("0000", "0000"),
        ("soon", "soon"),
        ("2017-02-31", "2017-02-31"),
        ("<script>", "<script>"),
    ],
)
def test_release_dates_are_as_precise_as_spotify_tells(text: str, expected: str) -> None:
    """A year stays a year, and what is no date is shown as it came."""
    assert expected == LISBON.released(text)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(-5, "now"), (0, "now"), (1, "in 1 min"), (82, "in 1 h 22 min"), (1439, "in 23 h 59 min")],
)
def test_the_next_day_is_told_by_distance(minutes: int, expected: str) -> None:
    """Relative time stands beside the clock time of the next 24 hours."""
    instant = datetime.fromtimestamp(NOW.timestamp() + minutes * 60, UTC)

    assert expected == LISBON.until(instant)


def test_later_than_a_day_has_no_distance() -> None:
    """Beyond a day the date says more."""
    assert "" == LISBON.until(datetime(2026, 11, 22, 17, 40, tzinfo=UTC))

"""Coverage: which time is known, and how well; its calendar in the user's own days."""

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.coverage import Known, Span, calendar, seconds_of, sweep

DAY_S = 86_400
BERLIN = ZoneInfo("Europe/Berlin")


def on(year: int, month: int, day: int, zone: ZoneInfo | None = None) -> int:
    """UTC epoch seconds of a local midnight."""
    return int(datetime(year, month, day, tzinfo=zone or UTC).timestamp())


EXPORT = Span(on(2024, 1, 1), on(2024, 3, 1), Known.EXACT)
SYNCS = [
    Span(on(2024, 2, 20), on(2024, 2, 25), Known.INFERRED),
    Span(on(2024, 2, 24), on(2024, 3, 5), Known.INFERRED),
]
PERIOD = {"from_s": on(2024, 1, 1), "to_s": on(2024, 3, 10)}


def test_best_class_wins_and_seconds_sum_to_the_period() -> None:
    """An export covers what syncs inferred; undone, the inference is back."""
    with_export = sweep([*SYNCS, EXPORT], **PERIOD)
    without = sweep(SYNCS, **PERIOD)

    assert {"exact": 5_184_000, "minute": 0, "inferred": 345_600, "none": 432_000} == seconds_of(
        with_export
    )
    assert {"exact": 0, "minute": 0, "inferred": 1_209_600, "none": 4_752_000} == seconds_of(
        without
    )
    assert [Known.NONE, Known.INFERRED, Known.NONE] == [span.known for span in without]


def test_a_minute_is_better_than_a_guess_and_worse_than_a_second() -> None:
    """Exact, minute, inferred, none."""
    spans = [Span(0, 30, Known.INFERRED), Span(10, 30, Known.MINUTE), Span(20, 30, Known.EXACT)]

    assert ["inferred", "minute", "exact", "none"] == [
        span.known for span in sweep(spans, from_s=0, to_s=40)
    ]


def test_spans_are_clipped_and_an_empty_period_has_none() -> None:
    """What lies outside does not count; neither does a span that says nothing."""
    spans = [Span(-10, 5, Known.EXACT), Span(50, 90, Known.MINUTE), Span(3, 8, Known.NONE)]

    assert [Span(0, 5, Known.EXACT), Span(5, 10, Known.NONE)] == sweep(spans, from_s=0, to_s=10)
    assert [] == sweep(spans, from_s=10, to_s=10)
    assert [] == list(calendar([], zone=BERLIN))


_spans = st.lists(
    st.builds(Span, st.integers(0, 60), st.integers(0, 60), st.sampled_from(Known)), max_size=8
)


@given(_spans, st.data())
def test_every_second_has_the_best_class_that_covers_it(
    spans: list[Span], data: st.DataObject
) -> None:
    """Second by second the sweep is what it should be, in any order of spans."""
    order = list(Known)
    expected = [
        min(
            (span.known for span in spans if span.from_s <= second < span.to_s),
            key=order.index,
            default=Known.NONE,
        )
        for second in range(10, 50)
    ]

    swept = sweep(data.draw(st.permutations(spans)), from_s=10, to_s=50)

    assert expected == [span.known for span in swept for _ in range(span.from_s, span.to_s)]
    assert all(a.known is not b.known for a, b in pairwise(swept))
    assert 40 == sum(seconds_of(swept).values())


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), 23),
        ("Europe/Berlin", date(2024, 10, 27), 25),
        ("Europe/Berlin", date(2024, 6, 1), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # 00:00 did not exist
        ("America/Havana", date(2023, 11, 5), 25),  # 00:00 came twice
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
    ],
)
def test_a_day_has_the_hours_it_has(zone: str, day: date, hours: float) -> None:
    """Clock changes make days of 23 and 25 hours; their seconds are those of the day."""
    spans = [Span(0, 2**33, Known.EXACT)]
    period = sweep(spans, from_s=on(2018, 1, 1), to_s=on(2025, 1, 1))

    (found,) = [one for one in calendar(period, zone=ZoneInfo(zone)) if one.day == day]

    assert hours * 3600 == found.to_s - found.from_s
    assert {Known.EXACT: hours * 3600} == found.seconds


def test_a_date_that_a_zone_skipped_is_no_day() -> None:
    """Samoa went from the 29th to the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    period = sweep([], from_s=on(2011, 12, 29, zone), to_s=on(2012, 1, 1, zone))

    assert [29, 31] == [one.day.day for one in calendar(period, zone=zone)]


def test_days_are_side_by_side_and_cut_where_the_period_is() -> None:
    """A calendar's seconds sum to the period, class by class."""
    from_s, to_s = on(2024, 1, 1) + 5_000, on(2024, 12, 31) + 7_000
    swept = sweep([*SYNCS, EXPORT], from_s=from_s, to_s=to_s)

    days = list(calendar(swept, zone=BERLIN))

    assert (from_s, to_s) == (days[0].from_s, days[-1].to_s)
    assert all(a.to_s == b.from_s for a, b in pairwise(days))
    assert seconds_of(swept) == {
        known: sum(day.seconds.get(known, 0) for day in days) for known in Known
    }
    assert all(day.to_s - day.from_s == sum(day.seconds.values()) for day in days)

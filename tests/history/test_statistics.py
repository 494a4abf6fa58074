"""Statistics say what the events say: every figure is the sum of the list that it points to."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.merge.event import Certainty, Event, Rule
from src.history.queries.statistics import Run
from src.history.sittings import sittings_of
from src.history.statistics import plays_of
from src.history.zones import midnight_s, zone_named
from src.runtime import Runtime
from tests.history.record import DAY_S, Heard, Person, drawn, utc_s

STATISTICS = "/api/history/statistics"


async def test_every_figure_is_the_sum_of_its_events(runtime: Runtime, fault_seed: int) -> None:
    """Each query, followed through the API, lists what the figure says, to the millisecond."""
    random = Random(fault_seed)
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        rows = drawn(random, count=80, from_s=utc_s("2024-03-20"), to_s=utc_s("2024-04-12"))
        await ada.follows("Rivers", episodes=_catalogue())
        await ada.heard(rows)

        whole = await ada.get(STATISTICS, unit="day")
        part = await ada.get(
            STATISTICS, **{"from": "2024-03-25T10:00:00Z", "to": "2024-04-02", "unit": "week"}
        )

        assert await ada.hold_true(whole) > 60
        assert await ada.hold_true(part) > 30
        _agree(whole)
        _agree(part)
        assert whole["totals"]["ms"] == whole["time"]["ms"]
        assert whole["totals"]["events"] == len(await ada.events())


def _catalogue() -> list[dict[str, Any]]:
    dates = [("2024-03-22", "day"), ("2023-01-01", "day"), ("2024", "year"), ("nonsense", "day")]
    return [
        {
            "id": f"Rivers{n}",
            "name": f"Of rivers {n}",
            "duration_ms": [None, 0, 1_000_000, 5_000_000][n % 4],
            "release_date": dates[n % 4][0],
            "release_precision": dates[n % 4][1],
        }
        for n in range(10)
    ]


def _agree(reply: dict[str, Any]) -> None:
    """Parts sum to wholes."""
    totals, time, hours = reply["totals"], reply["time"], reply["hours"]
    for field in ("ms", "known_ms", "events"):
        for parts in (
            reply["certainty"],
            reply["shows"],
            reply["completion"],
            reply["catalogue"],
            [*hours["cells"], hours["unknown"]],
        ):
            assert totals[field] == sum(one[field] for one in parts), field
        assert time[field] == sum(one[field] for one in time["periods"])
    assert totals["events"] == time["events"]
    episodes = sum(one["episodes"] for one in reply["completion"])
    assert totals["episodes"] == episodes == sum(one["episodes"] for one in reply["shows"])


@pytest.mark.parametrize("unit", ["day", "week", "month", "year"])
async def test_parts_of_any_length_sum_to_the_same(runtime: Runtime, unit: str) -> None:
    """Days, weeks, months and years of one time have one sum, in any zone."""
    random = Random(unit)
    async with Person.signed_in(runtime, zone="America/St_Johns") as ada:
        await ada.heard(
            drawn(random, count=60, from_s=utc_s("2005-10-20"), to_s=utc_s("2006-11-10"))
        )
        for zone in ("America/St_Johns", "Pacific/Apia", "Antarctica/Troll"):
            await ada.move(zone)
            found = await ada.get(STATISTICS, unit=unit)

            assert found["totals"]["ms"] == found["time"]["ms"]
            _agree(found)
        assert await ada.hold_true(found["time"]) > 1


async def test_listening_over_midnight_is_counted_where_it_ends(runtime: Runtime) -> None:
    """Case 13 (a): half of the milliseconds on either day, the count on the second."""
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        await ada.heard(
            [
                Heard(
                    "e",
                    "Maps",
                    utc_s("2024-01-10T23:10"),
                    1_000_000,
                    began_s=utc_s("2024-01-10T22:50"),
                )
            ]
        )

        found = await ada.get(STATISTICS, unit="day")
        tenth = await ada.events(**found["time"]["periods"][0]["query"]["parameters"])

        assert [("2024-01-10", 500_000, 0), ("2024-01-11", 500_000, 1)] == [
            (day["first"], day["ms"], day["events"]) for day in found["time"]["periods"]
        ]
        assert [(1_000_000, 500_000, False)] == [
            (one["ms"], one["share_ms"], one["counted"]) for one in tenth
        ]


async def test_hour_that_comes_twice_is_one_cell(runtime: Runtime) -> None:
    """Case 13 (b): 00:30 and 01:30 UTC on 2024-10-27 are both Sunday, two o'clock, in Berlin."""
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        await ada.heard(
            [
                Heard("e", "Maps", utc_s("2024-10-27T00:30"), 60_000),
                Heard("f", "Maps", utc_s("2024-10-27T01:30"), 70_000),
            ]
        )

        found = await ada.get(STATISTICS)

        assert [(7, 2, 130_000, 2)] == [
            (cell["weekday"], cell["hour"], cell["ms"], cell["events"])
            for cell in found["hours"]["cells"]
        ]
        assert 2 == len(await ada.events(**found["hours"]["cells"][0]["query"]["parameters"]))


async def test_window_makes_totals_a_range(runtime: Runtime) -> None:
    """Case 7: 500,000 to 1,200,000 ms; the hour of what only a window tells is not known."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(
            [
                Heard(
                    "e",
                    "Maps",
                    utc_s("2024-03-10T12:00"),
                    1_200_000,
                    source="win",
                    began_s=utc_s("2024-03-10T08:00"),
                ),
                Heard("e", "Maps", utc_s("2024-03-10T11:00"), 500_000, source="acc"),
            ]
        )

        found = await ada.get(STATISTICS, **{"from": "2024-01-01", "to": "2025-01-01"})

        assert (500_000, 1_200_000) == (found["totals"]["known_ms"], found["totals"]["ms"])
        assert (700_000, 1) == (
            found["hours"]["unknown"]["ms"],
            found["hours"]["unknown"]["events"],
        )
        assert [("exact", 0), ("minute", 500_000), ("window", 700_000)] == [
            (one["certainty"], one["ms"]) for one in found["certainty"]
        ]


async def test_long_histories_are_counted_in_parts(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, fault_seed: int
) -> None:
    """However many events are held at once, plays are the same."""
    random = Random(fault_seed)
    async with Person.signed_in(runtime) as ada:
        rows = drawn(random, count=60, from_s=utc_s("2024-03-01"), to_s=utc_s("2024-03-03"))
        await ada.heard(rows)
        whole = (await ada.get(STATISTICS))["totals"]

        monkeypatch.setattr("src.history.statistics._EVENTS_AT_ONCE", 7)
        in_parts = (await ada.get(STATISTICS))["totals"]

        assert 0 < whole["plays"] <= whole["events"]
        assert whole == in_parts


async def test_streaks_are_days_in_a_row(runtime: Runtime) -> None:
    """Half a minute makes a day, and a streak that ended yesterday can still go on."""
    today = date(2026, 11, 2)  # in Auckland, when it is noon of the 1st in UTC
    days = [today - timedelta(days=ago) for ago in (20, 19, 18, 17, 9, 2, 1)]
    async with Person.signed_in(runtime, zone="Pacific/Auckland") as ada:
        zone = zone_named("Pacific/Auckland")
        await ada.heard(
            [
                Heard(str(day), "Maps", midnight_s(day, zone) + 40_000, 30_000 - (day == days[4]))
                for day in days
            ]
        )

        streaks = (await ada.get(STATISTICS))["streaks"]

        assert 2 == await ada.hold_true(streaks)
        assert (4, str(days[0]), str(days[3])) == (
            streaks["longest"]["days"],
            streaks["longest"]["first"],
            streaks["longest"]["last"],
        )
        assert (2, str(days[6]), 60_000) == (
            streaks["current"]["days"],
            streaks["current"]["last"],
            streaks["current"]["ms"],
        )


async def test_streak_goes_on_over_a_day_that_never_was(runtime: Runtime) -> None:
    """Samoa had no 30 December 2011."""
    async with Person.signed_in(runtime, zone="Pacific/Apia") as ada:
        zone = zone_named("Pacific/Apia")
        days = [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]
        await ada.heard(
            [Heard(str(day), "Maps", midnight_s(day, zone) + 7_200, 60_000) for day in days]
        )

        streaks = (await ada.get(STATISTICS))["streaks"]

        assert 4 == streaks["longest"]["days"]
        assert 240_000 == streaks["longest"]["ms"]
        assert streaks["current"] is None


async def test_backlog_is_what_was_never_heard(runtime: Runtime) -> None:
    """Of followed shows, by history and library; its length where it is known."""
    async with Person.signed_in(runtime) as ada:
        await ada.follows("Rivers", episodes=_catalogue())
        await ada.heard([Heard("Rivers2", "Rivers", utc_s("2024-03-10T12:00"), 40_000)])

        found = await ada.get(STATISTICS)

        lengths = [one["duration_ms"] or 0 for one in _catalogue() if one["id"] != "Rivers2"]
        assert {"episodes": 9, "ms": sum(lengths)} == found["backlog"]


async def test_age_and_completion_follow_the_catalogue(runtime: Runtime) -> None:
    """Seven days after publication it is still new; nine tenths of its length finish it."""
    async with Person.signed_in(runtime) as ada:
        await ada.follows(
            "Rivers",
            episodes=[
                {"id": "r", "name": "R", "duration_ms": 100_000, "release_date": "2024-03-01"}
            ],
        )
        at = utc_s("2024-03-08T23:00")
        await ada.heard(
            [Heard("r", "Rivers", at, 60_000), Heard("r", "Rivers", at + DAY_S, 30_000)]
        )

        found = await ada.get(STATISTICS)
        first_only = await ada.get(STATISTICS, to="2024-03-09")

        assert [60_000, 30_000, 0] == [one["ms"] for one in found["catalogue"]]
        assert [1, 0, 0] == [one["episodes"] for one in found["completion"]]
        assert [0, 1, 0] == [one["episodes"] for one in first_only["completion"]]


async def test_nothing_heard_is_nothing_told(runtime: Runtime) -> None:
    """An empty history has figures, and they are 0."""
    async with Person.signed_in(runtime, zone="Asia/Kathmandu") as ada:
        found = await ada.get(STATISTICS)
        backwards = await ada.get(STATISTICS, **{"from": "2024-02-01", "to": "2024-01-01"})

        assert 0 == found["totals"]["ms"] == backwards["totals"]["events"]
        assert [] == found["shows"] == found["time"]["periods"]
        assert await ada.hold_true(found) > 5


runs = st.builds(
    lambda began_s, wall_s, ms: Run(1, began_s, began_s + wall_s, ms),
    st.integers(0, 20_000),
    st.integers(0, 4_000),
    st.integers(0, 40_000),
)


@given(st.lists(runs, max_size=12))
def test_plays_are_sittings_that_are_long_enough(found: list[Run]) -> None:
    """Counted as `sittings_of` makes them, without making them."""
    events = [
        Event(
            id=UUID(int=number),
            began_s=run.began_s,
            ended_s=run.ended_s,
            earliest_s=run.ended_s,
            latest_s=run.ended_s,
            ms=run.ms,
            certainty=Certainty.EXACT,
            rule=Rule.EXTENDED,
            sources=(),
        )
        for number, run in enumerate(sorted(found))
    ]

    assert sum(one.is_play for one in sittings_of(events)) == plays_of(sorted(found))

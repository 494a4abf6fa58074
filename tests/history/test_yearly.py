"""A year, and one day through the years: figures that their lists bear out."""

from datetime import date
from random import Random

from src.history.zones import midnight_s, zone_named
from src.runtime import Runtime
from tests.history.record import Heard, Person, drawn, utc_s
from tests.users.clients import told


async def test_every_figure_of_a_year_is_the_sum_of_its_events(
    runtime: Runtime, fault_seed: int
) -> None:
    """Followed through the API; days and months sum to what was heard within the year."""
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        await ada.heard(
            drawn(
                Random(fault_seed), count=50, from_s=utc_s("2023-12-20"), to_s=utc_s("2024-01-20")
            )
        )

        found = await ada.get("/api/history/year/2024")
        days = [day for day in found["days"] if day["ms"]]

        assert await ada.hold_true({**found, "days": days}) > 15
        assert 366 == len(found["days"])
        assert [2023, 2024, 2025, 2026] == found["years"]
        assert found["months"]["ms"] == sum(day["ms"] for day in days)
        assert len(days) == found["totals"]["days"]
        both = found["totals"]["ms"] + (await ada.get("/api/history/year/2023"))["totals"]["ms"]
        assert (await ada.get("/api/history/statistics"))["totals"]["ms"] == both


async def test_year_that_is_not_over_ends_today(runtime: Runtime) -> None:
    """Days to come are left out, and nothing is said of what is known of them."""
    async with Person.signed_in(runtime, zone="Pacific/Auckland") as ada:
        found = await ada.get("/api/history/year/2026")
        future = await ada.get("/api/history/year/2050")

        assert "2026-11-02" == found["days"][-1]["day"]
        seconds = utc_s("2026-11-01T12:00") - midnight_s(
            date(2026, 1, 1), zone_named("Pacific/Auckland")
        )
        assert seconds == sum(found["seconds"].values())
        assert ([], 0) == (future["days"], sum(future["seconds"].values()))


async def test_year_names_the_most_heard_shows(runtime: Runtime) -> None:
    """Ten of them, by the library's names where it has them."""
    async with Person.signed_in(runtime) as ada:
        await ada.follows("Show 3", episodes=[{"id": "e3", "name": "E", "release_date": "2024"}])
        await ada.heard(
            [
                Heard(f"e{n}", f"Show {n}", utc_s("2024-05-01") + 7_200 * n, 60_000 * (n + 1))
                for n in range(12)
            ]
        )

        found = await ada.get("/api/history/year/2024")

        names = [one["show"]["name"] for one in found["shows"]]
        assert [f"Show {n}" for n in (11, 10, 9, 8, 7, 6, 5, 4)] == names[:8]
        assert ["Library Show 3", "Show 2"] == names[8:]
        assert 12 == found["totals"]["shows"]


async def test_the_same_day_of_other_years(runtime: Runtime) -> None:
    """Latest year first; listening over midnight belongs to both days."""
    async with Person.signed_in(runtime, zone="Europe/Berlin") as ada:
        late = Heard("a", "Maps", utc_s("2021-11-01T23:10"), 1_200_000)
        await ada.heard(
            [
                Heard("a", "Maps", utc_s("2024-11-01T10:00"), 60_000),
                late,
                Heard("b", "Maps", utc_s("2019-11-02T10:00"), 60_000),
                Heard("b", "Maps", utc_s("2026-11-01T10:00"), 60_000),
            ]
        )

        found = await ada.get("/api/history/on-this-day")
        second = await ada.get("/api/history/on-this-day", day="2024-11-02")

        assert 2 == await ada.hold_true(found)
        assert [(2024, 60_000, 1), (2021, 600_000, 0)] == [
            (one["year"], one["ms"], one["events"]) for one in found["years"]
        ]
        assert [(2021, 600_000, 1), (2019, 60_000, 1)] == [
            (one["year"], one["ms"], one["events"]) for one in second["years"]
        ]
        assert 600_000 == found["years"][1]["listened"][0]["share_ms"]


async def test_leap_day_is_in_leap_years_only(runtime: Runtime) -> None:
    """29 February 2024 finds that of 2020, and no other day of 2023."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(
            [
                Heard("a", "Maps", utc_s(f"{day}T10:00"), 60_000)
                for day in ("2020-02-29", "2023-02-28", "2023-03-01", "2024-02-29")
            ]
        )

        found = await ada.get("/api/history/on-this-day", day="2024-02-29")

        assert [2020] == [one["year"] for one in found["years"]]


async def test_years_and_days_that_are_none_are_refused(runtime: Runtime) -> None:
    """422, naming the field."""
    async with Person.signed_in(runtime) as ada:
        for path, field in [
            ("/api/history/year/1969", "year"),
            ("/api/history/year/2200", "year"),
            ("/api/history/year/next", "year"),
            ("/api/history/on-this-day?day=2024-02-30", "day"),
            ("/api/history/on-this-day?day=2024-02-28T10:00:00Z", "day"),
            ("/api/history?from=yesterday", "from"),
            ("/api/history?to=2024-13-01", "to"),
            ("/api/history/statistics?from=2024-01-01T25:00:00Z", "from"),
            ("/api/history/coverage?to=1969-01-01", "to"),
        ]:
            reply = await ada.client.get(path)

            assert (422, "invalid_input") == told(reply), path
            assert [field] == [error["field"] for error in reply.json()["errors"]]

"""Lists of events: filters, pages, search, and one event looked into."""

from itertools import pairwise
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from src.history.models import HistoryEpisode
from src.runtime import Runtime
from tests.history.record import Heard, Person, drawn, utc_s
from tests.users.clients import told

HISTORY = "/api/history"


async def test_pages_hold_every_event_once(runtime: Runtime, fault_seed: int) -> None:
    """Latest end first, also where many end in one second; by pages of any length."""
    rows = drawn(Random(fault_seed), count=40, from_s=utc_s("2024-03-01"), to_s=utc_s("2024-03-05"))
    rows += [Heard(f"same{n}", "Maps", utc_s("2024-03-03T10:00"), 60_000) for n in range(9)]
    async with Person.signed_in(runtime) as ada:
        await ada.heard(rows)

        whole = await ada.events()
        by_four = await ada.events(limit=4)
        overlapping = await ada.events(limit=3, overlaps="true", to="2024-03-03")

        assert whole == by_four
        assert len({one["id"] for one in whole}) == len(whole) > 40
        ends = [one["ended_at"] for one in whole]
        assert sorted(ends, reverse=True) == ends
        expected = [one["id"] for one in whole if one["began_at"] < "2024-03-03T00:00:00Z"]
        assert expected == [one["id"] for one in overlapping]


@pytest.fixture
def rows() -> list[Heard]:
    """Five events of two shows, by every source."""
    return [
        Heard("a", "Rivers", utc_s("2024-03-01T10:00"), 60_000),
        Heard("a", "Rivers", utc_s("2024-03-02T10:00"), 120_000),
        Heard("b", "Flüsse", utc_s("2024-03-03T10:00"), 90_000, source="acc"),
        Heard("c", "Flüsse", utc_s("2024-03-04T10:00"), 90_000),
        Heard("c", "Flüsse", utc_s("2024-03-04T10:00"), 90_000, source="acc"),
        Heard("d", None, utc_s("2024-03-05T10:00"), 60_000, "win", utc_s("2024-03-05T07:00")),
    ]


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"from": "2024-03-02", "to": "2024-03-04"}, [3, 2]),
        ({"from": "2024-03-02T10:00:00Z", "to": "2024-03-03T10:00:00Z"}, [2]),
        ({"from": "2024-03-02T10:00:01Z", "to": "2024-03-03T10:01:00Z"}, [3]),
        ({"certainty": "exact"}, [4, 2, 1]),
        ({"certainty": ["minute", "window"]}, [5, 3]),
        ({"source": "ext"}, [4, 2, 1]),
        ({"source": "acc"}, [4, 3]),
        ({"source": "win"}, [5]),
        ({"source": "gp"}, []),
        ({"weekday": 5}, [1]),
        ({"hour": 10}, [4, 3, 2, 1]),
        ({"hour": 10, "weekday": 6}, [2]),
        ({"hour": 9}, []),
        ({"placed": "false"}, [5]),
        ({"show": 0}, [5]),
        ({"q": "RIVERS"}, [2, 1]),
        ({"q": "flu\u0308s"}, [4, 3]),
        ({"q": "FLÜSSE"}, [4, 3]),
        ({"q": "episode C"}, [4]),
        ({"q": "%"}, []),
        ({"q": "episode", "from": "2024-03-05"}, [5]),
        ({"hidden": "true"}, []),
        ({"doubtful": "true"}, []),
        ({"doubtful": "false", "to": "2024-03-02"}, [1]),
        ({"catalogue": "unknown", "completion": "unknown", "certainty": "window"}, [5]),
        ({"catalogue": "new"}, []),
        ({"from": "2024-03-05T07:30:00Z", "to": "2024-03-05T08:30:00Z", "overlaps": "true"}, [5]),
        ({"from": "2024-03-05T07:30:00Z", "to": "2024-03-05T08:30:00Z"}, []),
        ({"from": "2025-01-01", "to": "2024-01-01"}, []),
    ],
)
async def test_filters_choose(
    runtime: Runtime, rows: list[Heard], asked: dict[str, Any], days: list[int]
) -> None:
    """All that are given must fit; words are taken as they stand, in any case."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(rows)

        found = await ada.events(**asked)
        by_one = await ada.events(limit=1, **asked)

        assert days == [int(one["ended_at"][8:10]) for one in found]
        assert found == by_one


async def test_ids_of_the_list_are_what_it_takes(runtime: Runtime, rows: list[Heard]) -> None:
    """`show` and `episode` take the numbers that its items carry."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(rows)
        first = (await ada.events(q="Rivers"))[0]

        by_show = await ada.events(show=first["show"]["id"])
        by_episode = await ada.events(episode=first["episode"]["id"])

        assert 2 == len(by_show) == len(by_episode)
        assert {"Rivers"} == {one["show"]["name"] for one in by_show}


async def test_names_are_those_of_the_library(runtime: Runtime, rows: list[Heard]) -> None:
    """Where it has them; search finds the old name of an export and the present one."""
    async with Person.signed_in(runtime) as ada:
        await ada.follows("Show", episodes=[{"id": "c", "name": "Renamed", "release_date": "2024"}])
        await ada.heard(rows)

        [found] = await ada.events(q="renAMED")
        same = [await ada.events(q="Episode c"), await ada.events(q="library show")]

        assert ("Renamed", "c", "Library Show") == (
            found["episode"]["name"],
            found["episode"]["spotify_id"],
            found["show"]["name"],
        )
        assert [[found], [found]] == same


async def test_event_can_be_looked_into(runtime: Runtime) -> None:
    """Which sources, as they said it, which rule, and which imports brought them."""
    end = utc_s("2024-03-10T10:30:15")
    async with Person.signed_in(runtime) as ada:
        runs = [
            await ada.heard([Heard("e", "Maps", end, 1_800_000)]),
            await ada.heard([Heard("e", "Maps", end // 60 * 60, 1_800_000, source="acc")]),
            await ada.heard([Heard("e", "Maps", end // 60 * 60, 1_800_000, source="acc")]),
        ]
        [listed] = await ada.events()

        found = await ada.get(f"{HISTORY}/events/{listed['id']}")
        nothing = await ada.client.get(f"{HISTORY}/events/{uuid4()}")

        assert listed == {key: value for key, value in found.items() if key != "sources"}
        assert ("equal_ms", "exact", "ext") == (found["rule"], found["certainty"], found["source"])
        assert [("ext", "primary"), ("acc", "explains")] == [
            (one["source"], one["role"]) for one in found["sources"]
        ]
        assert listed["id"] == found["sources"][0]["key"]
        assert "2024-03-10T10:30:00Z" == found["sources"][1]["ended_at"]
        brought = [{run["id"] for run in one["runs"]} for one in found["sources"]]
        assert [{str(runs[0])}, {str(runs[1]), str(runs[2])}] == brought
        assert (404, "not_found") == told(nothing)


async def test_two_people_see_their_own(runtime: Runtime, rows: list[Heard]) -> None:
    """Lists, events and sums of one tell nothing of the other, though both heard the same."""
    async with (
        Person.signed_in(runtime) as ada,
        Person.signed_in(runtime, name="bob") as bob,
    ):
        await ada.heard(rows)
        await bob.heard(rows[:1])
        hers, his = await ada.events(), await bob.events()

        foreign = await bob.client.get(f"{HISTORY}/events/{hers[1]['id']}")
        by_her_ids = [
            await bob.events(show=hers[1]["show"]["id"]),
            await bob.events(episode=hers[1]["episode"]["id"]),
        ]
        cursor = (await ada.get(HISTORY, limit=1))["next_cursor"]
        refused = await bob.client.get(HISTORY, params={"limit": 1, "cursor": cursor})

        assert (5, 1) == (len(hers), len(his))
        assert (404, "not_found") == told(foreign)
        assert [[], []] == by_her_ids
        assert (400, "cursor_invalid") == told(refused)
        assert 60_000 == (await bob.get(f"{HISTORY}/statistics"))["totals"]["ms"]
        assert 60_000 == (await bob.get(f"{HISTORY}/year/2024"))["totals"]["ms"]
        assert 1 == len((await bob.get(f"{HISTORY}/on-this-day", day="2020-03-01"))["years"])


async def test_cursor_of_another_choice_is_refused(runtime: Runtime, rows: list[Heard]) -> None:
    """Another filter, or another zone, has other places."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(rows)
        cursor = (await ada.get(HISTORY, limit=1, certainty="exact"))["next_cursor"]

        others: list[dict[str, Any]] = [
            {},
            {"certainty": "minute"},
            {"certainty": "exact", "hour": 1},
        ]
        replies = [
            await ada.client.get(HISTORY, params={"cursor": cursor, **other}) for other in others
        ]
        more = await ada.get(HISTORY, limit=2, certainty="exact", cursor=cursor)
        await ada.move("Asia/Kathmandu")
        moved = await ada.client.get(HISTORY, params={"cursor": cursor, "certainty": "exact"})

        assert 2 == len(more["items"])
        assert 4 * [(400, "cursor_invalid")] == [told(reply) for reply in [*replies, moved]]


async def test_days_and_hours_are_of_the_users_zone(runtime: Runtime, rows: list[Heard]) -> None:
    """The same list under another clock; instants stay what they are."""
    async with Person.signed_in(runtime, zone="Pacific/Kiritimati") as ada:  # 14 hours ahead
        await ada.heard(rows)

        third = await ada.events(**{"from": "2024-03-03", "to": "2024-03-04"})
        at_midnight = await ada.events(hour=0, weekday=6)

        assert ["2024-03-02T10:00:00Z"] == [one["ended_at"] for one in third]
        assert ["2024-03-01T10:00:00Z"] == [one["ended_at"] for one in at_midnight]


async def test_publication_of_another_source_counts(runtime: Runtime, rows: list[Heard]) -> None:
    """What the history itself knows of an episode serves where the catalogue has nothing."""
    async with Person.signed_in(runtime) as ada:
        await ada.heard(rows)
        async with runtime.database.transaction(ada.user_id) as session:
            await session.execute(
                update(HistoryEpisode)
                .where(HistoryEpisode.user_id == ada.user_id, HistoryEpisode.episode_id == "a")
                .values(published_day=utc_s("2024-02-23") // 86_400, duration_ms=200_000)
            )

        new = await ada.events(catalogue="new")
        back = await ada.events(catalogue="back")
        finished = await ada.events(completion="finished")
        begun = await ada.events(completion="begun", to="2024-03-02")

        assert ["01", "02"] == [one[0]["ended_at"][8:10] for one in (new, back)]
        assert [2, 1] == [len(finished), len(begun)]


async def test_order_never_goes_back(runtime: Runtime) -> None:
    """Ends fall from page to page, though events begin in another order."""
    end = utc_s("2024-03-10T10:00")
    async with Person.signed_in(runtime) as ada:
        await ada.heard(
            [
                Heard(f"e{n}", "Maps", end + n % 3, 1_000, began_s=end - (n * 7 % 5) * 600)
                for n in range(12)
            ]
        )

        found = await ada.events(limit=5)

        assert 12 == len(found)
        assert all(one["ended_at"] >= two["ended_at"] for one, two in pairwise(found))

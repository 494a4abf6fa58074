"""Observations: names that never change, ordinals, and where a row began."""

from dataclasses import replace
from itertools import permutations
from uuid import UUID, uuid5

import pytest

from src.history.merge.derive import derive
from src.history.observations import (
    NAMESPACE,
    Flag,
    Observation,
    Ordinals,
    began_of_row,
    outside_minute_s,
)
from tests.history.said import EPISODE, acc, at, ext, win
from tests.history.shelf import Shelf

ENDED_S = 1_710_066_615


def test_a_key_is_the_same_for_ever() -> None:
    """Bookmarks and edits of years ago name it: UUIDv5 of a text that must not change."""
    row = ext("10:30:15", 1_800_000)

    assert UUID("d4a9fa5f-152c-5f2e-9735-9bca109c7780") == row.key
    assert uuid5(NAMESPACE, f"ext {ENDED_S} 1800000 0 {EPISODE}") == row.key


@pytest.mark.parametrize(
    "other",
    [
        acc("10:30", 1_800_000),
        ext("10:31", 1_800_000),
        ext("10:30", 1_800_001),
        ext("10:30", 1_800_000, n=1),
        replace(ext("10:30", 1_800_000), episode="spotify:another"),
    ],
)
def test_what_makes_a_row_distinct_is_in_its_key(other: Observation) -> None:
    """Source, end, ms, ordinal and episode."""
    assert ext("10:30", 1_800_000).key != other.key


def test_what_a_later_export_may_tell_otherwise_is_not() -> None:
    """A start, a position and flags do not make a row another."""
    row = ext("10:30", 1_800_000)

    assert row.key == replace(row, began_s=0, position_ms=5, flags=Flag.MAPPED).key


def test_windows_of_one_end_are_told_apart_by_their_start() -> None:
    """Two reads may end a window, so its start is part of its name."""
    assert win("08:00", "12:00", 60_000).key != win("09:00", "12:00", 60_000).key


@pytest.mark.parametrize(
    ("offline_timestamp", "began_s"),
    [
        pytest.param(None, ENDED_S - 1800, id="nothing"),
        pytest.param(0, ENDED_S - 1800, id="zero"),
        pytest.param(ENDED_S - 2400, ENDED_S - 2400, id="a-pause-of-ten-minutes"),
        pytest.param((ENDED_S - 2400) * 1000 + 7, ENDED_S - 2400, id="milliseconds"),
        pytest.param(ENDED_S - 1795, ENDED_S - 1795, id="five-seconds-short"),
        pytest.param(ENDED_S - 1794, ENDED_S - 1800, id="too-late-for-the-ms"),
        pytest.param(ENDED_S - 172_800, ENDED_S - 172_800, id="two-days"),
        pytest.param(ENDED_S - 172_801, ENDED_S - 1800, id="older"),
        pytest.param(ENDED_S + 1, ENDED_S - 1800, id="after-the-end"),
    ],
)
def test_offline_timestamp_is_a_start_if_it_can_be(
    offline_timestamp: int | None, began_s: int
) -> None:
    """It is taken for the start only where the ms fit and two days are not exceeded."""
    assert began_s == began_of_row(
        ended_s=ENDED_S, ms=1_800_000, offline_timestamp=offline_timestamp
    )


@pytest.mark.parametrize(("clock", "off_s"), [("10:30", 0), ("10:30:59", 0), ("10:31", 1)])
def test_an_end_inside_its_minute_is_no_distance_off(clock: str, off_s: int) -> None:
    """Every second of the minute is as good as another; outside, seconds count."""
    assert off_s == outside_minute_s(at(clock), at("10:30"))
    assert 60 == outside_minute_s(at("10:29"), at("10:30"))


def written(*rows: tuple[str, int]) -> list[Observation]:
    """Read account rows of one file as an importer does."""
    ordinals = Ordinals()
    return [
        acc(minute, ms, n=ordinals.next(EPISODE, ended_s=at(minute), ms=ms)) for minute, ms in rows
    ]


def test_the_store_keeps_the_largest_count_of_any_file() -> None:
    """File A holds a row twice, B once: two, in any order, however often they come."""
    once, twice = written(("08:00", 1_200)), written(("08:00", 1_200), ("08:00", 1_200))
    for files in permutations([("A", twice), ("B", once), ("A again", twice)]):
        shelf = Shelf()
        for run, rows in files:
            shelf.add(run, rows)

        assert 2 == len(shelf.events())
        assert (0, 2) == shelf.add("A once more", twice)
        shelf.undo("A once more")
        shelf.undo("B")
        assert 2 == len(shelf.events())
        shelf.undo("A")
        shelf.undo("A again")
        assert [] == shelf.events()


def test_undoing_one_export_leaves_what_the_other_says() -> None:
    """What only the undone run supported goes; the rest is derived anew."""
    minute = acc("10:30", 1_800_000)
    shelf = Shelf()
    shelf.add("extended", [ext("10:30:15", 1_800_000)])
    shelf.add("account", [minute, acc("18:00", 60_000)])

    assert ["exact", "minute"] == [event.certainty for event in shelf.events()]

    shelf.undo("extended")

    assert [1_800_000, 60_000] == [event.ms for event in shelf.events()]
    assert {"minute"} == {event.certainty for event in shelf.events()}

    shelf.undo("account")

    assert {} == shelf.observations


def test_of_one_key_one_observation_counts() -> None:
    """Rows that differ in what the key leaves out are one; which one, is no accident."""
    row = ext("10:30", 600_000)
    late = replace(row, began_s=row.began_s + 3)

    assert derive([row]) == derive([late, row]) == derive([row, late])

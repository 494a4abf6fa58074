"""Listing a library over several runs: where it goes on, and when it can vouch for an absence."""

from datetime import UTC, datetime, timedelta

import pytest

from src.spotify.library_walk import LibraryWalk, Page, pages_this_run
from src.spotify.payloads import SavedShowPayload, ShowPayload

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def page(
    items: int = 50, *, offset: int = 0, total: int | None = 120, quarantined: int = 0
) -> Page:
    """Return a page of a library."""
    shows = [
        SavedShowPayload(added_at=NOW, show=ShowPayload(id=f"show{offset + number}"))
        for number in range(items)
    ]
    return Page(
        items=shows,
        quarantined=quarantined,
        total=total,
        offset=offset,
        limit=50,
        has_next=total is None or offset + items + quarantined < total,
    )


def walked(*pages: Page) -> LibraryWalk:
    """Return the walk over some pages in one run."""
    walk = LibraryWalk.begin(pages[0], now=NOW)
    for each in pages[1:]:
        walk = walk.over(each)
    return walk


def test_a_whole_walk_vouches_for_what_it_did_not_meet() -> None:
    """Every page of the same length, and as many shows met as there are."""
    walk = walked(page(), page(offset=50), page(20, offset=100))

    assert walk.is_complete(met=120)
    assert not walk.is_complete(met=119)


def test_a_walk_goes_on_in_the_next_run() -> None:
    """The first page is read again, and then the one at which the last run stopped."""
    left = walked(page(), page(offset=50))

    resumed = left.resume(page())
    ended = resumed.over(page(20, offset=100))

    assert (100, False, NOW) == (resumed.offset, resumed.has_ended, resumed.began_at)
    assert ended.is_complete(met=120)


@pytest.mark.parametrize("total", [119, 121, None])
def test_a_walk_over_a_library_that_changed_ends_but_vouches_for_nothing(
    total: int | None,
) -> None:
    """Something may have moved past it, in one run or between two."""
    within = walked(page(), page(offset=50, total=total), page(20, offset=100))
    between = walked(page(), page(offset=50)).resume(page(total=total)).over(page(20, offset=100))

    assert within.has_ended
    assert between.has_ended
    assert not within.is_complete(met=500)
    assert not between.is_complete(met=500)


def test_an_unreadable_show_may_be_any_show() -> None:
    """It counts in the offset, and nothing is missed for it."""
    walk = walked(page(), page(49, offset=50, quarantined=1), page(20, offset=100))

    assert (120, True) == (walk.offset, walk.has_ended)
    assert not walk.is_complete(met=120)


def test_a_walk_whose_library_shrank_behind_it_has_ended() -> None:
    """Nothing is left to read at its offset."""
    resumed = walked(page(), page(offset=50)).resume(page(total=80))

    assert resumed.has_ended
    assert not resumed.is_complete(met=100)


def test_pages_that_repeat_end_a_walk() -> None:
    """Spotify ignored the offset: the walk would never end, and met too little."""
    walk = walked(page(), page(offset=50)).give_up()

    assert walk.has_ended
    assert not walk.is_complete(met=500)


def test_an_empty_page_ends_a_walk() -> None:
    """Fewer shows than the library says are all that come."""
    walk = walked(page(), page(0, offset=50))

    assert (50, True) == (walk.offset, walk.has_ended)
    assert not walk.is_complete(met=50)


@pytest.mark.parametrize(
    ("offset", "total", "first", "expected"),
    [
        pytest.param(50, 700, False, 12, id="too large: two thirds"),
        pytest.param(50, 650, False, 19, id="fits: to the end"),
        pytest.param(650, 700, False, 19, id="the rest fits"),
        pytest.param(50, 900, True, 19, id="a first run: whole"),
        pytest.param(50, 1_200, True, 19, id="a first run: all it has"),
        pytest.param(50, None, False, 19, id="unknown"),
    ],
)
def test_a_run_reads_as_many_pages_as_leave_its_shows_a_third(
    offset: int, total: int | None, first: bool, expected: int
) -> None:
    """Of nineteen calls left; what fits is read to its end."""
    walk = LibraryWalk(began_at=NOW - timedelta(hours=4), offset=offset, total=total)

    assert expected == pages_this_run(walk, total, calls_left=19, is_first=first)

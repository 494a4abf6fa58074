"""Planning a run, and what pages mean, without any service."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.spotify.library_models import ListOrder
from src.spotify.listing_order import detect_order
from src.spotify.payloads import PAGE
from src.spotify.planner import (
    LOOK_AFTER,
    REFRESH_AFTER,
    REPAIR_AFTER,
    Allowance,
    PageFacts,
    PageRead,
    Reason,
    ShowState,
    after_page,
    after_pass,
    is_complete_pass,
    newest_offsets,
    next_newest,
    pass_ended,
    plan,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PLENTY = Allowance(calls_left=50, routine_left=8)


def show(show_id: str = "a", **known: object) -> ShowState:
    """Return a show whose newest page was read an hour ago and whose list was passed."""
    state = ShowState(
        show_id=show_id,
        added_at=NOW - timedelta(days=10),
        order=ListOrder.NEWEST_FIRST,
        total=120,
        known=120,
        listed_total=120,
        newest_pending=False,
        newest_at=NOW - timedelta(hours=1),
        pass_started_at=NOW - timedelta(days=1),
    )
    return replace(state, **known)  # type: ignore[arg-type]  # named by the tests


def facts(offset: int, **told: object) -> PageFacts:
    """Return a full page at `offset` of a list of 120 of which everything is known."""
    page = PageFacts(
        at=NOW,
        offset=offset,
        total=120,
        items=PAGE,
        advance=PAGE,
        fresh=0,
        order=ListOrder.NEWEST_FIRST,
        known=120,
        seen_in_pass=0,
        found_in_pass=0,
    )
    return replace(page, **told)  # type: ignore[arg-type]  # named by the tests


def new(show_id: str = "a", **known: object) -> ShowState:
    """Return a show that was never read."""
    fresh = {"listed_total": None, "newest_pending": True, "newest_at": None, "known": 0}
    return show(show_id, **(fresh | {"pass_started_at": None} | known))


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2026-03-03", "2026-03-02", "2026-03-01"], ListOrder.NEWEST_FIRST),
        (["2026-03-01", "2026-03-02", "2026-03-03"], ListOrder.OLDEST_FIRST),
        (["2026-03-03", "2026-03-01", "2026-03-02", "2026-02-01"], ListOrder.NEWEST_FIRST),
        (["2026-03", "2026-03-02", "2026-03-01", "2026"], ListOrder.NEWEST_FIRST),
        (["2026", "2026-03-01"], ListOrder.UNKNOWN),
        (["2026-03-01"] * 5, ListOrder.UNKNOWN),
        (["2026-03-01", "0000", "2026-03-02"], ListOrder.OLDEST_FIRST),
        ([], ListOrder.UNKNOWN),
    ],
)
def test_order_is_that_of_most_neighbours(dates: list[str], expected: ListOrder) -> None:
    """Equal, undated and incomparable neighbours have no say."""
    assert expected == detect_order(dates)


@given(st.lists(st.dates(), min_size=2, unique=True))
def test_order_turns_with_the_page(days: list[object]) -> None:
    """A sorted page tells its direction, and the reverse page the other."""
    dates = sorted(str(day) for day in days)

    assert ListOrder.OLDEST_FIRST == detect_order(dates)
    assert ListOrder.NEWEST_FIRST == detect_order(dates[::-1])


@pytest.mark.parametrize(
    ("order", "total", "expected"),
    [
        (ListOrder.NEWEST_FIRST, 120, [0]),
        (ListOrder.OLDEST_FIRST, 120, [70]),
        (ListOrder.OLDEST_FIRST, 30, [0]),
        (ListOrder.UNKNOWN, 120, [0, 70]),
        (ListOrder.UNKNOWN, 50, [0]),
        (ListOrder.UNKNOWN, None, [0]),
    ],
)
def test_newest_page_is_at_an_end(order: ListOrder, total: int | None, expected: list[int]) -> None:
    """Both ends are read while the order is not known."""
    assert expected == newest_offsets(order, total)


def test_new_shows_come_first_and_newest_saved_before_all() -> None:
    """First reads go before changed shows, and these before what can wait."""
    shows = [
        show("aged", newest_at=NOW - timedelta(days=2)),
        show("older", backfill_offset=50),
        show("changed", total=121),
        new("old", added_at=NOW - timedelta(days=9)),
        new("young", added_at=NOW - timedelta(days=2)),
        show("pending", newest_pending=True),
    ]

    calls = plan(shows, NOW, allowance=PLENTY, is_first=False)

    assert ["young", "old", "changed", "pending", "aged", "older"] == [one.show_id for one in calls]


def test_last_heard_shows_are_passed_first() -> None:
    """Older pages go to what is listened to, then to what was saved last."""
    shows = [
        show("saved long ago", backfill_offset=50, added_at=NOW - timedelta(days=30)),
        show("saved lately", backfill_offset=50, added_at=NOW - timedelta(days=3)),
        show("heard", backfill_offset=50, heard_at=NOW - timedelta(days=5)),
        show("heard lately", backfill_offset=100, heard_at=NOW - timedelta(days=1)),
    ]

    calls = plan(shows, NOW, allowance=PLENTY, is_first=False)

    assert [("heard lately", 100), ("heard", 50)] == [(c.show_id, c.offset) for c in calls[:2]]
    assert ["saved lately", "saved long ago"] == [call.show_id for call in calls[2:]]


def test_show_that_was_given_up_is_left_alone() -> None:
    """What failed in this run is not asked again in it."""
    assert [] == plan([new(given_up=True)], NOW, allowance=PLENTY, is_first=True)


def test_show_often_not_found_is_tried_once_a_look() -> None:
    """A dead show costs a call now and then, not one in every run."""
    lost = new(misses=2, newest_at=NOW - timedelta(hours=1))

    assert [] == plan([lost], NOW, allowance=PLENTY, is_first=False)
    assert plan([lost], NOW + timedelta(hours=12), allowance=PLENTY, is_first=False)


states = st.builds(
    lambda index, total, listed, pending, offset, age: show(
        f"s{index}",
        total=total,
        listed_total=listed,
        newest_pending=pending,
        backfill_offset=offset,
        newest_at=NOW - timedelta(hours=age),
    ),
    st.integers(0, 99),
    st.integers(0, 300),
    st.none() | st.integers(0, 300),
    st.booleans(),
    st.none() | st.integers(0, 300),
    st.integers(0, 48),
)


@given(st.lists(states, max_size=30), st.integers(0, 50), st.integers(-5, 8), st.booleans())
def test_plan_keeps_to_what_is_allowed(
    shows: list[ShowState], calls_left: int, routine_left: int, is_first: bool
) -> None:
    """No plan exceeds the calls left; what can wait never exceeds the routine."""
    allowance = Allowance(calls_left=calls_left, routine_left=routine_left)

    calls = plan(shows, NOW, allowance=allowance, is_first=is_first)

    assert calls_left >= len(calls)
    can_wait = {Reason.LOOK, Reason.BACKFILL} | (set() if is_first else {Reason.PENDING})
    assert max(0, routine_left) >= sum(call.reason in can_wait for call in calls)


def test_growth_seen_on_the_newest_page_is_settled_by_it() -> None:
    """Three new episodes, three of them on the page: nothing more is read."""
    grown = show(total=123, known=120)

    after = after_page(grown, facts(0, total=123, fresh=3, known=123), reason=Reason.CHANGED)

    assert (False, 123) == (after.newest_pending, after.listed_total)
    assert after.backfill_offset is None


def test_growth_beyond_a_page_reads_the_next_one() -> None:
    """When the whole page is new, the page next to it may hold more."""
    grown = show(total=200, known=120)
    first = after_page(grown, facts(0, total=200, fresh=50, known=170), reason=Reason.CHANGED)
    assert (True, 50) == (first.newest_pending, next_newest(first))

    second = after_page(first, facts(50, total=200, fresh=30, known=200), reason=Reason.CHANGED)

    assert (False, 200) == (second.newest_pending, second.listed_total)


def test_growth_not_at_the_expected_end_is_looked_for_at_the_other() -> None:
    """A list that turned round is found out in the same run."""
    grown = show(total=122, known=120)

    first = after_page(grown, facts(0, total=122), reason=Reason.CHANGED)

    assert 72 == next_newest(first)


def test_growth_found_nowhere_starts_another_pass() -> None:
    """What neither end explains is looked for in the whole list."""
    grown = show(total=122, known=120, reads={72: PageRead(items=PAGE, fresh=0)})

    after = after_page(grown, facts(0, total=122, known=120), reason=Reason.CHANGED)

    assert (False, 122, 0) == (after.newest_pending, after.listed_total, after.backfill_offset)


def test_oldest_first_show_needs_its_last_page_after_the_first_read() -> None:
    """The embedded page is the oldest one; the newest stays to be read."""
    page = facts(0, order=ListOrder.OLDEST_FIRST, known=50, fresh=50)

    after = after_page(new(), page, reason=Reason.FIRST_READ)

    assert (True, 120, 50) == (after.newest_pending, after.listed_total, after.backfill_offset)
    assert 70 == next_newest(after)


def test_short_show_is_done_with_its_first_read() -> None:
    """A list of one page is passed by reading it."""
    page = facts(0, total=30, items=30, advance=30, fresh=30, known=30, seen_in_pass=30)

    after = after_page(new(total=30), page, reason=Reason.FIRST_READ)

    assert not after.newest_pending
    assert pass_ended(after, reason=Reason.FIRST_READ)
    assert is_complete_pass(page)


def test_shrunken_list_steps_the_cursor_back() -> None:
    """What moved up over the cursor is read, not skipped."""
    under_way = show(backfill_offset=50)

    after = after_page(under_way, facts(50, total=117), reason=Reason.BACKFILL)

    assert (97, 117) == (after.backfill_offset, after.listed_total)


def test_pass_ends_behind_the_last_item() -> None:
    """An empty page ends it too, so that no list goes on for ever."""
    last = after_page(show(backfill_offset=100), facts(100), reason=Reason.BACKFILL)
    empty = after_page(
        show(backfill_offset=100), facts(100, items=0, advance=0), reason=Reason.BACKFILL
    )

    assert pass_ended(last, reason=Reason.BACKFILL)
    assert pass_ended(empty, reason=Reason.BACKFILL)


@pytest.mark.parametrize(
    ("known", "found", "missed", "expected"),
    [(120, 50, 0, None), (119, 1, 0, 0), (119, 0, 0, None), (121, 0, 1, 0)],
)
def test_another_pass_is_made_only_if_the_last_one_brought_something(
    known: int, found: int, missed: int, expected: int | None
) -> None:
    """Lists that never add up, dead items in them, end in peace."""
    page = facts(100, known=known, found_in_pass=found)

    assert expected == after_pass(show(), page, missed=missed).backfill_offset


def test_a_pass_that_missed_something_is_repeated_by_another_run() -> None:
    """Absent twice in one run is absent once; what was only found late is looked for at once."""
    page = facts(100, known=121, found_in_pass=1)

    missed, found = (after_pass(show(), page, missed=missed) for missed in (1, 0))

    assert [] == plan([missed], NOW, allowance=PLENTY, is_first=False)
    assert [0] == [one.offset for one in plan([found], NOW, allowance=PLENTY, is_first=False)]


def test_list_that_does_not_add_up_is_passed_again_in_a_week() -> None:
    """Whatever was hidden by chance is found in the end."""
    short = show(known=119, pass_started_at=NOW - REPAIR_AFTER)

    [call] = plan([short], NOW, allowance=PLENTY, is_first=False)

    assert (Reason.BACKFILL, 0) == (call.reason, call.offset)
    assert [] == plan([short], NOW - timedelta(hours=1), allowance=PLENTY, is_first=False)


@settings(max_examples=40, deadline=None)
@given(
    episodes=st.integers(0, 400),
    oldest_first=st.booleans(),
    added=st.lists(st.integers(0, 30), max_size=30),
    removed=st.lists(st.integers(0, 30), max_size=30),
)
def test_passes_come_to_know_any_list_however_it_changes(
    episodes: int, oldest_first: bool, added: list[int], removed: list[int]
) -> None:
    """Simulated runs over a list that grows and shrinks end with every episode known."""
    numbers = list(range(episodes))
    known: dict[int, int] = {}
    misses: Counter[int] = Counter()
    state = new(order=ListOrder.UNKNOWN, total=episodes)
    upcoming = episodes
    started = 0
    for step in range(1, 240):
        if step % 2 and (added or removed):
            gone = removed.pop() if removed else 0
            del numbers[len(numbers) // 3 : len(numbers) // 3 + gone]
            more = added.pop() if added else 0
            numbers.extend(range(upcoming, upcoming + more))
            upcoming += more
        state = replace(state, total=len(numbers), reads={}, missed=False, newest_at=NOW)
        if step % 5 == 0:  # half a day later
            state = replace(state, newest_at=NOW - LOOK_AFTER)
        if step % 10 == 0 and state.backfill_offset is None:  # a month later
            state = replace(state, pass_started_at=NOW - REFRESH_AFTER)
        calls = plan([state], NOW, allowance=Allowance(calls_left=3, routine_left=3), is_first=True)
        if not calls:
            continue
        call = calls[0]
        listed = numbers if oldest_first else numbers[::-1]
        page = listed[call.offset : call.offset + PAGE]
        fresh = [number for number in page if number not in known]
        known |= dict.fromkeys(page, step)
        misses -= Counter({number: misses[number] for number in page})
        order = ListOrder.OLDEST_FIRST if oldest_first else ListOrder.NEWEST_FIRST
        if call.reason is Reason.FIRST_READ or (call.reason is Reason.BACKFILL and not call.offset):
            started = step
        told = facts(
            call.offset,
            total=len(numbers),
            items=len(page),
            advance=len(page),
            fresh=len(fresh),
            order=order if len(page) > 1 else state.order,
            known=len(known),
            seen_in_pass=sum(seen >= started for seen in known.values()),
            found_in_pass=len(fresh),
        )
        state = after_page(state, told, reason=call.reason)
        if pass_ended(state, reason=call.reason):
            missed = 0
            if is_complete_pass(told):
                lost = [number for number, seen in known.items() if seen < started]
                missed = len(lost)
                misses.update(lost)
                known = {number: seen for number, seen in known.items() if misses[number] < 2}
            told = replace(told, known=len(known))
            state = after_pass(replace(state, known=len(known)), told, missed=missed)

    assert set(numbers) <= known.keys()

"""Sittings and plays."""

from src.history.merge.derive import derive
from src.history.merge.event import Edit, EditKind
from src.history.sittings import sittings_of
from tests.history.said import at, ext


def test_half_an_hour_of_pause_ends_no_sitting() -> None:
    """A gap of exactly 30 minutes is inside, a second more is not."""
    events = derive([ext("10:00", 60_000), ext("10:31", 60_000), ext("11:02:01", 60_000)])

    first, second = sittings_of(events[::-1])

    assert (at("09:59"), at("10:31"), 120_000) == (first.began_s, first.ended_s, first.ms)
    assert (events[2],) == second.events


def test_a_long_event_holds_a_sitting_together() -> None:
    """The gap is measured from the latest end so far, not from the last event's."""
    rows = [ext("12:00", 600_000, start="10:00"), ext("10:20", 10_000), ext("12:25", 60_000)]

    assert [3] == [len(sitting.events) for sitting in sittings_of(derive(rows))]


def test_thirty_seconds_in_all_are_a_play() -> None:
    """What counts is the sitting, however it is cut."""
    whole = sittings_of(derive([ext("10:00", 15_000), ext("10:01", 15_000)]))
    short = sittings_of(derive([ext("10:00", 15_000), ext("10:01", 14_999)]))

    assert [True] == [sitting.is_play for sitting in whole]
    assert [False] == [sitting.is_play for sitting in short]


def test_hidden_events_are_in_no_sitting() -> None:
    """They are not counted, and hold nothing together."""
    row = ext("10:00", 60_000)

    assert [] == sittings_of(derive([row], [Edit(EditKind.HIDE, row.key)]))
    assert [] == sittings_of([])

"""The rules of what is told live: windows, polls and other apps."""

import pytest

from src.history.merge.derive import derive
from src.history.merge.event import Role
from src.history.observations import Flag
from tests.history.said import acc, at, brief, ext, play, poll, total_ms, win


def test_a_window_that_is_explained_is_only_a_source() -> None:
    """Rule 9: what an export has, the resume point adds nothing to."""
    window = win("08:00", "12:00", 1_200_000)

    (event,) = derive([window, ext("11:00", 1_200_000)])

    assert ("exact", 1_200_000, "overlap") == brief([event])[0]
    assert (window.key, Role.EXPLAINS) == event.sources[1]


def test_a_window_keeps_what_nothing_explains() -> None:
    """Rule 9: the residual is an event somewhere in the window."""
    minute, window = derive([win("08:00", "12:00", 1_200_000), acc("11:00", 500_000)])

    assert [("minute", 500_000, "account"), ("window", 700_000, "window")] == brief(
        [minute, window]
    )
    assert (at("08:00"), at("12:00")) == (window.earliest_s, window.latest_s)
    assert (at("11:00"), at("11:00:59")) == (minute.earliest_s, minute.latest_s)
    assert at("11:00:30") == minute.ended_s


def test_slack_counts_at_both_ends_of_a_window() -> None:
    """Rule 9: an event that begins with the window's end is credited 10 s."""
    events = derive([win("08:00", "12:00", 60_000), ext("12:10", 600_000, start="12:00")])

    assert [("window", 50_000, "window"), ("exact", 600_000, "extended")] == brief(events)


@pytest.mark.parametrize(
    ("heard_ms", "residual_ms"), [(30_000, None), (30_001, 30_001), (7_200_000, 7_200_000)]
)
def test_a_residual_must_be_worth_an_event(heard_ms: int, residual_ms: int | None) -> None:
    """Rule 9: more than 30 s, and never more than the window is long."""
    events = derive([win("08:00", "10:00", heard_ms)])

    assert ([] if residual_ms is None else [residual_ms]) == [event.ms for event in events]


def test_a_window_cannot_hold_more_than_its_length() -> None:
    """Rule 10: what does not fit is cut, and said so; a replay says at least."""
    (event,) = derive([win("08:00", "09:00", 3_700_000, flags=Flag.AT_LEAST)])

    assert 3_600_000 == event.ms
    assert event.clamped
    assert event.at_least


def test_five_percent_of_a_window_is_no_event() -> None:
    """Rule 9: a long window forgives more than 30 s."""
    given = win("08:00", "12:00", 2_000_000)

    assert 1 == len(derive([given, ext("11:00", 1_900_000)]))
    assert 2 == len(derive([given, ext("11:00", 1_899_999)]))


def test_a_play_of_another_app_is_explained_or_stays() -> None:
    """Rule 8: the same time is the same listening, where the episode is sure to be the same."""
    exact = ext("10:30", 1_800_000)
    same, later = play("10:00", "10:30", 1_790_000), play("18:00", "18:10", 600_000)
    unsure = play("10:00", "10:30", 1_790_000, flags=Flag.NONE)

    assert [("exact", 1_800_000, "overlap")] == brief(derive([same, exact]))
    assert [("exact", 1_800_000, "extended"), ("exact", 600_000, "gpodder")] == brief(
        derive([later, exact])
    )
    assert 3_590_000 == total_ms(derive([unsure, exact]))


def test_another_apps_clock_may_be_a_minute_off() -> None:
    """Rule 8: the time of a play is widened by 60 s either way."""
    exact = ext("10:29", 3_540_000)

    assert 1 == len(derive([exact, play("10:29:30", "10:30:30", 60_000)]))
    assert 2 == len(derive([exact, play("10:29:31", "10:30:31", 60_000)]))


def test_the_minute_of_an_account_row_counts_at_both_ends_of_a_window() -> None:
    """Rule 9: it may have ended up to a minute from where it is put."""
    assert 1 == len(derive([win("08:00", "10:00", 75_000), acc("10:00", 60_000)]))


def test_another_app_moves_no_resume_point() -> None:
    """Only a mapped play explains a window."""
    window = win("08:00", "12:00", 600_000)

    assert 1 == len(derive([window, play("10:00", "10:10", 600_000)]))
    assert 2 == len(derive([window, play("10:00", "10:10", 600_000, flags=Flag.NONE)]))


def test_no_event_outgrows_its_time() -> None:
    """Rule 10: ms beyond the wall time are cut to it, plus 5 s."""
    (event,) = derive([play("10:00", "10:10", 900_000)])

    assert 605_000 == event.ms
    assert event.clamped


def test_a_poll_makes_no_event_and_narrows_a_window() -> None:
    """Who was seen playing at ten listened around ten."""
    (event,) = derive([win("08:00", "12:00", 600_000), poll("10:00"), poll("10:05")])

    assert [] == derive([poll("10:00")])
    assert (at("09:50"), at("10:15")) == (event.began_s, event.ended_s)
    assert (at("08:00"), at("12:00")) == (event.earliest_s, event.latest_s)
    assert 3 == len(event.sources)


def test_a_poll_confirms_the_surest_event() -> None:
    """It is a source of one event, and moves no exact time."""
    look = poll("10:29")

    window, exact = sorted(
        derive([win("08:00", "12:00", 3_600_000), ext("10:30", 600_000), look]),
        key=lambda event: event.began_s,
    )

    assert (look.key, Role.EXPLAINS) in exact.sources
    assert 1 == len(window.sources)
    assert (at("10:20"), at("10:30")) == (exact.began_s, exact.ended_s)


def test_a_poll_prefers_an_exact_event_that_ends_later() -> None:
    """Certainty comes before order."""
    look = poll("10:29:50")

    minute, exact = derive([acc("10:29", 30_000), ext("10:40", 630_000), look])

    assert (1, look.key) == (len(minute.sources), exact.sources[1][0])


def test_a_poll_moves_an_account_row_within_its_minute() -> None:
    """Still playing at :50, it ended no earlier."""
    (event,) = derive([acc("10:30", 600_000), poll("10:30:50"), poll("10:20:10")])

    assert (at("10:20:10"), at("10:30:50")) == (event.began_s, event.ended_s)
    assert (at("10:30"), at("10:30:59")) == (event.earliest_s, event.latest_s)

"""The rules of the merge, one by one, and where each of them ends."""

import pytest

from src.history.merge.derive import derive
from src.history.merge.event import Certainty, Event, Role, Rule
from src.history.observations import Flag, Observation
from src.history.sittings import sittings_of
from tests.history.said import acc, at, ext, play, poll, total_ms, win


def brief(events: list[Event]) -> list[tuple[str, int, str]]:
    """Return certainty, ms and rule of each event."""
    return [(event.certainty, event.ms, event.rule) for event in events]


def test_both_exports_of_one_stream_are_one_event() -> None:
    """The extended row gives time and ms, the account row is a source."""
    exact, minute = ext("10:30:15", 1_800_000), acc("10:30", 1_800_000)

    (event,) = derive([minute, exact])

    assert exact.key == event.id
    assert (at("10:00:15"), at("10:30:15")) == (event.began_s, event.ended_s)
    assert (event.ended_s, event.ended_s) == (event.earliest_s, event.latest_s)
    assert [(Certainty.EXACT, 1_800_000, Rule.EQUAL_MS)] == brief([event])
    assert ((exact.key, Role.PRIMARY), (minute.key, Role.EXPLAINS)) == event.sources


def test_neighbouring_minute_and_nearly_equal_ms_are_one_event() -> None:
    """Rule 2: within a minute's tolerance, 1 s of ms is measurement."""
    events = derive([ext("10:30:59", 1_800_000), acc("10:31", 1_799_400)])

    assert [("exact", 1_800_000, "near_ms")] == brief(events)


@pytest.mark.parametrize(
    ("end", "ms", "rule"),
    [
        ("10:29:00", 100_000, "equal_ms"),
        ("10:28:59", 100_000, "drift"),
        ("10:31:59", 100_000, "equal_ms"),
        ("10:32:00", 100_000, "drift"),
        ("10:31:59", 101_000, "near_ms"),
        ("10:31:59", 101_001, "loose_ms"),
        ("10:31:59", 105_000, "loose_ms"),
        ("10:45:59", 100_000, "drift"),
    ],
)
def test_each_rule_ends_where_it_says(end: str, ms: int, rule: str) -> None:
    """A minute before and after the account row's own, and so many ms."""
    assert [("exact", ms, rule)] == brief(derive([ext(end, ms), acc("10:30", 100_000)]))


def test_the_nearest_pair_comes_first() -> None:
    """Cheapest first: an account row does not take its neighbour's partner."""
    rows = [ext("10:30:05", 20_000), ext("10:31:05", 20_000)]
    others = [acc("10:29", 20_000), acc("10:30", 20_000)]

    events = derive([*rows, *others])

    assert [others[1].key, others[0].key] == [event.sources[1][0] for event in events]


def test_one_account_row_may_be_several_extended_rows() -> None:
    """Rule 3: it is a source of each, and adds no time."""
    whole = acc("10:20", 1_500_000)

    events = derive([ext("10:00", 600_000), ext("10:20", 900_000), whole])

    assert [("exact", 600_000, "sum"), ("exact", 900_000, "sum")] == brief(events)
    assert all((whole.key, Role.EXPLAINS) in event.sources for event in events)
    assert 1 == len(sittings_of(events))


def test_one_extended_row_may_be_several_account_rows() -> None:
    """Rule 3, the other way round."""
    parts = [acc("10:00", 600_000), acc("10:15", 900_300)]

    (event,) = derive([ext("10:15:40", 1_500_000), *parts])

    assert ("exact", 1_500_000, "sum") == brief([event])[0]
    assert {part.key for part in parts} == {key for key, role in event.sources[1:]}


def test_a_pause_too_long_makes_no_sum() -> None:
    """Rule 3 takes rows that follow each other within 30 minutes."""
    events = derive([ext("09:00", 600_000), ext("10:20", 900_000), acc("10:20", 1_500_000)])

    assert 1_500_000 == total_ms(events)
    assert ["extended", "overlap"] == [event.rule for event in events]


@pytest.mark.parametrize(
    ("parts", "rules"), [(12, ["sum"] * 12), (13, [*["extended"] * 13, "account"])]
)
def test_a_sum_has_twelve_parts_at_most(parts: int, rules: list[str]) -> None:
    """Rule 3 tries no more; each part may add a second of measurement."""
    rows = [ext(f"10:{minute:02}", 20_000) for minute in range(parts)]
    whole = acc(f"10:{parts - 1:02}", 21_000 * parts)

    assert rules == [event.rule for event in derive([*rows, whole])]


def test_a_row_of_no_length_is_no_part_of_a_sum() -> None:
    """It adds nothing, so any sum would swallow it."""
    parts = [ext("10:00", 600_000), ext("10:19:50", 900_000)]

    events = derive([*parts, ext("10:20", 900), acc("10:20", 1_500_000)])

    assert ["sum", "sum", "extended"] == [event.rule for event in events]


def test_equal_plays_stay_as_many_as_they_were() -> None:
    """Three plays of the same length are told apart by their time."""
    clocks = ("09:00", "12:00", "15:00")

    events = derive([row for clock in clocks for row in (ext(clock, 600_000), acc(clock, 600_000))])

    assert [("exact", 600_000, "equal_ms")] * 3 == brief(events)
    assert 3 == sum(sitting.is_play for sitting in sittings_of(events))


def test_short_rows_of_one_minute_all_stay() -> None:
    """Equal rows of one file are as many listens, if no play among them."""
    rows = [acc("08:00", 0), acc("08:00", 0, n=1), acc("08:00", 100)]
    rows += [acc("08:00", 1_200), acc("08:00", 1_200, n=1)]

    events = derive(rows)

    assert (5, 2_500) == (len(events), total_ms(events))
    assert 0 == sum(sitting.is_play for sitting in sittings_of(events))
    assert not any(event.doubtful for event in events)


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


def test_a_row_inside_another_is_a_duplicate() -> None:
    """Rule 0: an hour does not hold two half hours that fill it twice."""
    long = ext("10:30:00", 1_500_000, start="10:00:00")
    short = ext("10:29:58", 1_499_000, start="10:00:01")

    (event,) = derive([short, long])

    assert 1_500_000 == event.ms
    assert ((long.key, Role.PRIMARY), (short.key, Role.DUPLICATE)) == event.sources


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ext("10:29:00", 250_000, start="10:10:00"), id="in-its-pause"),
        pytest.param(ext("10:40:00", 1_700_000, start="10:11:00"), id="partial-overlap"),
    ],
)
def test_a_row_that_time_can_hold_is_no_duplicate(other: Observation) -> None:
    """Rule 0: a pause leaves room, and clocks push rows over each other."""
    assert 2 == len(derive([ext("10:30:00", 1_500_000, start="10:00:00"), other]))


@pytest.mark.parametrize(
    ("minute", "rules", "total"),
    [("10:09", ["drift"], 45_000), ("10:20", ["extended", "account"], 90_000)],
)
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(
    minute: str, rules: list[str], total: int
) -> None:
    """Rule 5: beyond it both stay, and both are doubtful."""
    events = derive([ext("10:00:00", 45_000), acc(minute, 45_000)])

    assert (rules, total) == ([event.rule for event in events], total_ms(events))
    assert [len(rules) > 1] * len(rules) == [event.doubtful for event in events]


def test_loose_ms_pair_after_the_sums() -> None:
    """Rule 4: up to 5 s of ms, if nothing fits better."""
    assert ["loose_ms"] == [e.rule for e in derive([ext("10:30", 95_000), acc("10:30", 100_000)])]
    assert 2 == len(derive([ext("10:30", 10_000), acc("10:30", 15_001)]))


def test_one_cannot_hear_one_episode_twice_at_once() -> None:
    """Rule 6: an account row that matches nothing is explained by what it overlaps."""
    odd = acc("10:20", 1_000_000)

    (event,) = derive([ext("10:30", 1_800_000), odd])

    assert ("exact", 1_800_000, "overlap") == brief([event])[0]
    assert (odd.key, Role.EXPLAINS) == event.sources[1]


@pytest.mark.parametrize(
    ("exact", "events"),
    [
        pytest.param(ext("10:10", 299_000), 2, id="less-than-half"),
        pytest.param(ext("10:10", 300_000), 1, id="half"),
        pytest.param(ext("10:20:10", 20_000), 2, id="a-short-one-beside-it"),
    ],
)
def test_half_of_an_account_row_explains_it(exact: Observation, events: int) -> None:
    """Rule 6: what is left over is less than what would be counted twice."""
    assert events == len(derive([exact, acc("10:10", 600_000)]))


def test_short_account_rows_are_not_explained_by_overlap() -> None:
    """Rule 6: below 30 s a row fits anywhere."""
    assert 2 == len(derive([ext("10:30", 1_800_000), acc("10:20", 29_999)]))
    assert 1 == len(derive([ext("10:30", 1_800_000), acc("10:20", 30_000)]))


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


def test_a_poll_moves_an_account_row_within_its_minute() -> None:
    """Still playing at :50, it ended no earlier."""
    (event,) = derive([acc("10:30", 600_000), poll("10:30:50"), poll("10:20:10")])

    assert (at("10:20:10"), at("10:30:50")) == (event.began_s, event.ended_s)
    assert (at("10:30"), at("10:30:59")) == (event.earliest_s, event.latest_s)


def test_more_rows_than_any_listener_has_are_still_in_no_order() -> None:
    """What a crafted file holds is bounded in cost, not decided by chance."""
    exact = [ext("10:30:00", 45_000, n=n) for n in range(150)]
    exact += [ext("10:30:00", ms, n=0) for ms in range(1_000, 1_150)]
    minute = [acc("10:31", 45_000, n=n) for n in range(150)]
    minute += [acc("10:31", ms) for ms in range(2_000, 2_150)]

    events = derive(exact + minute)

    assert derive(minute[::-1] + exact[::-1]) == events
    assert {row.key for row in exact + minute} == {k for e in events for k, _ in e.sources}

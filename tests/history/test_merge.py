"""The rules for the two exports, one by one, and where each of them ends."""

import pytest

from src.history.merge.derive import derive
from src.history.merge.event import Certainty, Role, Rule
from src.history.observations import Observation
from src.history.sittings import sittings_of
from tests.history.said import acc, at, brief, ext, total_ms, win


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


def test_the_cheaper_of_two_partners_is_taken() -> None:
    """Who is 30 s off comes before who is 31 s off, whatever their order."""
    early, late = acc("10:29", 20_000), acc("10:31", 20_000)

    exact = next(e for e in derive([early, late, ext("10:30:30", 20_000)]) if len(e.sources) > 1)

    assert late.key == exact.sources[1][0]


def test_in_one_minute_the_first_comes_first() -> None:
    """Rows that cost the same are taken in order of rank."""
    first, second = derive([ext("10:30:05", 20_000), ext("10:30:40", 20_000), acc("10:30", 20_000)])

    assert (2, 1) == (len(first.sources), len(second.sources))


@pytest.mark.parametrize(("ms", "events"), [(999, 2), (1_000, 1)])
def test_rows_of_no_length_do_not_drift(ms: int, events: int) -> None:
    """Rule 5: below a second, equal ms say nothing."""
    assert events == len(derive([ext("10:00", ms), acc("10:10", ms)]))


def test_the_first_rule_that_found_a_source_names_the_event() -> None:
    """What comes later only adds sources."""
    (event,) = derive(
        [ext("10:30", 600_000), acc("10:30", 600_000), win("08:00", "12:00", 600_000)]
    )

    assert ("equal_ms", 3) == (event.rule, len(event.sources))


def test_the_cheapest_sum_comes_first() -> None:
    """Rule 3: of two sums, the one that ends in the account row's minute."""
    rows = [ext("10:19:05", 7_000), ext("10:19:20", 8_000), ext("10:20:10", 7_000)]

    events = derive([*rows, acc("10:20", 15_000)])

    assert ["extended", "sum", "sum"] == [event.rule for event in events]


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


def test_a_row_is_the_duplicate_of_an_event_only() -> None:
    """Rule 0: the longest are judged first; a duplicate has no duplicates."""
    rows = [
        ext("10:16:40", 600_000, start="10:00:00"),
        ext("10:10:00", 500_000, start="10:01:40"),
        ext("10:04:00", 95_000, start="10:02:25"),
    ]

    assert [95_000, 600_000] == [event.ms for event in derive(rows)]


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


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([acc("10:00", 45_000), ext("10:20", 45_900)], id="either-way"),
        pytest.param([acc("10:00", 0), ext("10:20", 0)], id="no-length"),
    ],
)
def test_what_may_be_one_is_doubtful(rows: list[Observation]) -> None:
    """Both of them, so that the user finds them side by side."""
    assert [True, True] == [event.doubtful for event in derive(rows)]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([ext("10:00", 45_000), acc("10:20", 50_001)], id="other-ms"),
        pytest.param([acc("10:00", 45_000), acc("10:20", 45_000)], id="one-export"),
        pytest.param(
            [ext("10:00", 45_000), acc("10:00", 45_000), acc("10:40", 45_000)], id="has-a-partner"
        ),
    ],
)
def test_what_cannot_be_one_is_not_doubtful(rows: list[Observation]) -> None:
    """Only lone rows of both exports with the same ms are."""
    assert not any(event.doubtful for event in derive(rows))


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


def test_more_rows_than_any_listener_has_are_still_in_no_order() -> None:
    """What a crafted file holds is bounded in cost, not decided by chance."""
    exact = [ext("10:30:00", 45_000, n=n) for n in range(150)]
    exact += [ext("10:30:00", ms, n=0) for ms in range(1_000, 1_150)]
    minute = [acc("10:31", 45_000, n=n) for n in range(150)]
    minute += [acc("10:31", ms) for ms in range(2_000, 2_150)]

    events = derive(exact + minute)

    assert derive(minute[::-1] + exact[::-1]) == events
    assert {row.key for row in exact + minute} == {k for e in events for k, _ in e.sources}

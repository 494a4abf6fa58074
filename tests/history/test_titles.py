"""Names: when two are one, and which episode a title is linked to."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.history.observations import Observation
from src.history.titles import (
    LinkReason,
    TitleLink,
    identity_of_spotify,
    identity_of_title,
    link_title,
    normalised,
)
from tests.history.said import acc, ext

TITLE = identity_of_title("A Show", "Part 1")
ONE, TWO = identity_of_spotify("1" * 22), identity_of_spotify("2" * 22)


def row(minute: str, ms: int) -> Observation:
    """An account row of the title."""
    return acc(minute, ms, episode=TITLE)


def heard(episode: str, end: str, ms: int) -> Observation:
    """An extended row of an episode of the same show."""
    return replace(ext(end, ms), episode=episode)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("The Show", "  the\tSHOW\u00a0", True, id="case-and-blanks"),
        pytest.param("Cafe\u0301", "Caf\u00e9", True, id="composition"),
        pytest.param("Stra\u00dfe", "STRASSE", True, id="sharp-s"),
        pytest.param("Part 1.1", "Part 11", False, id="punctuation"),
        pytest.param("A - B", "A \u2013 B", False, id="dashes"),
    ],
)
def test_case_blanks_and_composition_do_not_tell_names_apart(
    one: str, other: str, *, same: bool
) -> None:
    """Nothing else is forgiven: punctuation tells parts apart."""
    assert same == (normalised(one) == normalised(other))
    assert same == (identity_of_title(one, "1") == identity_of_title(other, "1"))


@given(st.text())
@example("\u0345\u0301")
@example("\u1e9e\u0345 \u03b1\u0345\u0301")
def test_normalising_twice_changes_nothing(name: str) -> None:
    """The result is a form to store and to compare."""
    assert normalised(name) == normalised(normalised(name))


def test_show_and_episode_do_not_run_into_each_other() -> None:
    """The border between the names is part of the identity."""
    assert identity_of_title("a b", "c") != identity_of_title("a", "b c")


def test_the_only_episode_of_that_name_is_meant() -> None:
    """(a) The user's own data decides, (b) the library where that says nothing."""
    by_uri = link_title([], own={ONE}, library={TWO}, same_show=[])
    by_library = link_title([], own=(), library={TWO}, same_show=[])

    assert TitleLink(episode=ONE, reason=LinkReason.URI, candidates=(ONE,)) == by_uri
    assert TitleLink(episode=TWO, reason=LinkReason.LIBRARY, candidates=(TWO,)) == by_library


def test_a_renamed_episode_is_known_by_its_listening() -> None:
    """(c) Rows of equal ms at the same time, all of one episode."""
    rows = [row("10:30", 1_800_000), row("12:00", 61_234), row("13:00", 99_999)]
    same_show = [heard(ONE, "10:30:15", 1_800_000), heard(ONE, "12:01:59", 61_234)]

    link = link_title(rows, own=(), library=(), same_show=same_show)

    assert TitleLink(episode=ONE, reason=LinkReason.EVIDENCE, evidence_n=2) == link


@pytest.mark.parametrize(
    "same_show",
    [
        pytest.param([], id="none"),
        pytest.param([heard(ONE, "10:30", 59_999)], id="short"),
        pytest.param([heard(ONE, "10:32", 1_800_000)], id="too-late"),
        pytest.param([heard(ONE, "10:28:59", 1_800_000)], id="too-early"),
        pytest.param([heard(ONE, "10:30", 1_800_001)], id="other-ms"),
        pytest.param(
            [heard(ONE, "10:30", 1_800_000), heard(TWO, "12:00", 61_234)], id="two-episodes"
        ),
    ],
)
def test_evidence_that_is_weak_or_divided_links_nothing(same_show: list[Observation]) -> None:
    """(c) At least a minute, the same ms, an end that fits, and one episode only."""
    rows = [row("10:30", 1_800_000), row("10:30", 59_999), row("12:00", 61_234)]

    assert TitleLink() == link_title(rows, own=(), library=(), same_show=same_show)


def test_a_title_of_two_episodes_is_decided_row_by_row() -> None:
    """What evidence does not tell stays with the title: one of 2 episodes."""
    first, second, neither = row("10:30", 1_800_000), row("12:00", 90_000), row("13:00", 90_000)
    both = row("15:00", 70_000)
    same_show = [
        heard(ONE, "10:30:15", 1_800_000),
        heard(TWO, "12:00:15", 90_000),
        heard(ONE, "15:00", 70_000),
        heard(TWO, "15:00", 70_000),
        heard(identity_of_spotify("3" * 22), "13:00", 90_000),
    ]

    link = link_title(
        [neither, second, both, first], own=[TWO, ONE], library={ONE}, same_show=same_show
    )

    assert (None, (ONE, TWO), 2) == (link.episode, link.candidates, link.evidence_n)
    assert {first.key: ONE, second.key: TWO} == link.rows


def test_among_few_episodes_a_short_row_and_a_row_cut_otherwise_are_told_apart() -> None:
    """Any ms decides between two; so does the one that was heard in half of the row's time."""
    short, whole, far = row("10:30", 900), row("12:00", 1_800_000), row("15:00", 1_800_000)
    same_show = [
        heard(ONE, "10:30:15", 900),
        heard(TWO, "11:45:00", 900_000),
        heard(TWO, "12:00:20", 899_000),
        heard(ONE, "14:31:00", 600_000),
    ]

    link = link_title([short, whole, far], own={ONE, TWO}, library=(), same_show=same_show)

    assert {short.key: ONE, whole.key: TWO} == link.rows

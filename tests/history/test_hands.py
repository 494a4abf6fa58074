"""The user's word: split, join and hide, before and after anything else arrives."""

from itertools import permutations

import pytest

from src.history.merge.derive import derive
from src.history.merge.event import Edit, EditKind, Role
from src.history.observations import Observation
from tests.history.said import acc, ext, play, poll, total_ms, win
from tests.history.shelf import Shelf

EXACT, MINUTE = ext("10:30:15", 1_800_000), acc("10:30", 1_800_000)


def split(one: Observation, other: Observation) -> Edit:
    """Say that two observations are two listenings."""
    return Edit(EditKind.SPLIT, one.key, other.key)


def join(one: Observation, other: Observation) -> Edit:
    """Say that two observations are one listening."""
    return Edit(EditKind.JOIN, one.key, other.key)


def hide(one: Observation) -> Edit:
    """Say that nobody wants to see this."""
    return Edit(EditKind.HIDE, one.key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(EXACT, MINUTE, id="equal-ms"),
        pytest.param(EXACT, acc("10:31", 1_799_400), id="near-ms"),
        pytest.param(EXACT, acc("10:38", 1_800_000), id="drift"),
        pytest.param(EXACT, acc("10:20", 1_000_000), id="overlap"),
        pytest.param(EXACT, ext("10:30:14", 1_799_000), id="duplicate"),
        pytest.param(EXACT, play("10:00", "10:30", 1_700_000), id="gpodder"),
        pytest.param(EXACT, win("08:00", "12:00", 1_800_000), id="window"),
    ],
)
def test_what_is_split_is_two_events(one: Observation, other: Observation) -> None:
    """No rule may make one event of them, whichever made it before."""
    edits = [split(other, one)]

    assert 1 == len(derive([one, other]))
    assert {one.key, other.key} == {event.id for event in derive([one, other], edits)}
    assert not any(event.doubtful for event in derive([one, other], edits))


def test_a_split_part_is_no_part_of_a_sum() -> None:
    """A sum that needs a forbidden row is none."""
    parts, whole = [ext("10:00", 600_000), ext("10:20", 900_000)], acc("10:20", 1_500_000)

    events = derive([*parts, whole], [split(parts[0], whole)])

    assert (parts[0].key, 1) == (events[0].id, len(events[0].sources))


def test_what_is_split_may_find_another_partner() -> None:
    """Only the pair is forbidden."""
    near = ext("10:30:20", 1_800_000, start="10:00:20")
    far = ext("11:15:00", 1_800_000)

    first, second = derive([EXACT, MINUTE, far], [split(EXACT, MINUTE)])[::2]

    assert {EXACT.key, far.key} == {first.id, second.id}
    assert 1 == len(derive([near, MINUTE], [split(EXACT, MINUTE)]))


@pytest.mark.parametrize(
    ("best", "other", "role"),
    [
        pytest.param(ext("10:00", 45_000), acc("10:20", 45_000), Role.EXPLAINS, id="exports"),
        pytest.param(ext("10:00", 45_000), ext("11:00", 40_000), Role.DUPLICATE, id="ext"),
        pytest.param(acc("10:00", 45_000), acc("11:00", 40_000), Role.DUPLICATE, id="acc"),
        pytest.param(acc("10:00", 45_000), play("18:00", "18:10", 600_000), Role.EXPLAINS, id="gp"),
        pytest.param(
            ext("18:00", 45_000), win("08:00", "12:00", 600_000), Role.EXPLAINS, id="window"
        ),
    ],
)
def test_what_is_joined_is_one_event(best: Observation, other: Observation, role: Role) -> None:
    """The better source, then the longer row, has the say; the other adds no time."""
    (event,) = derive([other, best], [join(other, best)])

    assert (best.key, best.ms, "join") == (event.id, event.ms, event.rule)
    assert (other.key, role) == event.sources[1]
    assert not event.doubtful
    assert 2 == len(derive([other, best]))


def test_joins_chain_and_order_makes_no_difference() -> None:
    """One with the second, the second with the third: all are one."""
    rows = [acc("10:00", 45_000), acc("13:00", 50_000), ext("18:00", 40_000)]
    edits = [join(rows[0], rows[1]), join(rows[1], rows[2]), join(rows[2], rows[0])]

    results = {tuple(derive(rows, order)) for order in permutations(edits)}

    assert 1 == len(results)
    assert [(rows[2].key, 40_000)] == [(event.id, event.ms) for event in results.pop()]


def test_a_worse_row_may_join_two_better_ones() -> None:
    """It stands for the event that it became a source of."""
    hub, long, exact = acc("10:00", 45_000), acc("13:00", 50_000), ext("18:00", 40_000)

    (event,) = derive([hub, long, exact], [join(hub, long), join(hub, exact)])

    assert {hub.key, long.key, exact.key} == {key for key, _ in event.sources}


def test_a_duplicate_brings_its_partner_along() -> None:
    """The longer row needs no account row any more: another one is only explained."""
    long, short = ext("10:30:00", 1_500_000), ext("10:29:58", 1_499_000)
    joined, other = acc("10:35", 700_000), acc("10:30", 1_504_000)

    (event,) = derive([long, short, joined, other], [join(short, joined)])

    assert (long.key, "overlap", 4) == (event.id, event.rule, len(event.sources))


def test_a_joined_row_is_no_other_rows_partner() -> None:
    """The account row that the user joined leaves the one that rules would have chosen."""
    other = ext("18:00", 1_800_000)

    events = derive([EXACT, MINUTE, other], [join(MINUTE, other)])

    assert [1, 2] == [len(event.sources) for event in events]


def test_of_split_and_join_the_split_holds() -> None:
    """Two is what can be joined again; a lost listen cannot be seen."""
    edits = [join(EXACT, MINUTE), split(MINUTE, EXACT)]

    assert 2 == len(derive([EXACT, MINUTE], edits))
    assert 2 == len(derive([EXACT, MINUTE], edits[::-1]))


def test_a_poll_is_not_joined() -> None:
    """It makes no event that could be one with another."""
    look = poll("18:00")

    assert derive([EXACT, look]) == derive([EXACT, look], [join(EXACT, look)])


def test_hidden_is_the_listening_not_the_row() -> None:
    """What tells of the hidden row later is hidden too; it still explains a window."""
    window = win("08:00", "12:00", 1_800_000)

    assert [True] == [event.hidden for event in derive([MINUTE], [hide(MINUTE)])]
    assert [True] == [event.hidden for event in derive([MINUTE, EXACT], [hide(MINUTE)])]
    assert [True] == [event.hidden for event in derive([MINUTE, window], [hide(MINUTE)])]


def test_a_hidden_window_hides_nothing_that_explains_it() -> None:
    """Hours of nobody knows what are not worth a known listen."""
    window = win("08:00", "12:00", 1_800_000)

    assert [True] == [event.hidden for event in derive([window], [hide(window)])]
    assert [False] == [event.hidden for event in derive([window, EXACT], [hide(window)])]


@pytest.mark.parametrize("edit", [split(EXACT, MINUTE), join(EXACT, MINUTE), hide(EXACT)])
def test_edits_sleep_while_their_observations_are_away(edit: Edit) -> None:
    """They neither disturb what is left, nor are they forgotten."""
    shelf = Shelf()
    shelf.add("account", [MINUTE])
    shelf.add("extended", [EXACT])
    edited = shelf.events([edit])
    shelf.undo("extended")

    assert shelf.events() == shelf.events([edit])

    shelf.add("extended again", [EXACT])

    assert edited == shelf.events([edit])
    assert 3_600_000 >= total_ms(edited)

"""What holds of the merge whatever the observations are."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.merge.derive import derive
from src.history.merge.event import Certainty, Edit, Role
from src.history.observations import Observation, Ordinals, Source
from tests.history.said import EPISODE
from tests.history.shelf import Shelf
from tests.history.strategies import observations, observations_and_edits, plays

Case = tuple[list[Observation], list[Edit]]


@given(observations_and_edits(), st.data())
def test_order_and_repetition_make_no_difference(case: Case, data: st.DataObject) -> None:
    """Any permutation of observations and edits, some of them twice, gives the same events."""
    rows, edits = case
    mixed = data.draw(st.permutations(rows + rows[:3]))
    edited = data.draw(st.permutations(edits + edits[:1]))

    assert derive(rows, edits) == derive(mixed, edited)


@given(observations_and_edits(), st.data())
def test_any_grouping_of_runs_is_one_run(case: Case, data: st.DataObject) -> None:
    """Three runs that overlap, in any order, are what one run of everything is."""
    rows, edits = case
    shelf = Shelf()
    of_run = [set(data.draw(st.sets(st.sampled_from("abc"), min_size=1))) for _ in rows]
    for run in data.draw(st.permutations("abc")):
        shelf.add(run, [row for row, runs in zip(rows, of_run, strict=True) if run in runs])

    assert derive(rows, edits) == shelf.events(edits)


@given(observations_and_edits(), observations)
def test_undo_restores_exactly(case: Case, more: list[Observation]) -> None:
    """A run that comes and goes leaves no trace, also where it told known things."""
    rows, edits = case
    shelf = Shelf()
    shelf.add("stays", rows)
    before = shelf.events(edits)
    shelf.add("goes", more + rows[:2])
    shelf.undo("goes")

    assert before == shelf.events(edits)


@pytest.mark.parametrize("exports", ["ext", "acc", "ext acc"])
@given(plays())
def test_plays_stay_as_many_as_they_were(exports: str, true: list[tuple[int, int]]) -> None:
    """Plays of one episode are as many events with their ms, from either export or both."""
    ordinals = {source: Ordinals() for source in Source}
    rows = []
    for source in map(Source, exports.split()):
        for ended_s, ms in true:
            told_s = ended_s - ended_s % 60 if source is Source.ACCOUNT else ended_s
            rows.append(
                Observation(
                    source=source,
                    episode=EPISODE,
                    ended_s=told_s,
                    began_s=told_s - ms // 1000,
                    ms=ms,
                    n=ordinals[source].next(EPISODE, ended_s=told_s, ms=ms),
                )
            )

    assert sorted(ms for _, ms in true) == sorted(event.ms for event in derive(rows))


@given(observations_and_edits())
def test_no_event_exceeds_its_time(case: Case) -> None:
    """Its ms fit into its wall time, and its end lies where it is said to."""
    for event in derive(*case):
        slack_ms = 0 if event.certainty is Certainty.WINDOW else 5_000

        assert event.ms <= (event.ended_s - event.began_s) * 1000 + slack_ms
        assert event.earliest_s <= event.ended_s <= event.latest_s


@given(observations_and_edits())
def test_no_time_is_invented(case: Case) -> None:
    """All events together have at most the ms of all observations."""
    assert sum(row.ms for row in case[0]) >= sum(event.ms for event in derive(*case))


@given(observations_and_edits())
def test_every_observation_is_used_once(case: Case) -> None:
    """It is one event's primary, or one's duplicate, or explains some; no row is lost."""
    rows, edits = case
    events = derive(rows, edits)
    roles = [told for event in events for told in event.sources]
    owned = Counter(key for key, role in roles if role is not Role.EXPLAINS)
    explaining = {key for key, role in roles if role is Role.EXPLAINS}
    live = {Source.WINDOW, Source.POLL}

    assert {1} >= set(owned.values())
    assert set() == explaining & owned.keys()
    assert {row.key for row in rows if row.source not in live} <= explaining | owned.keys()
    assert [event.id for event in events] == [event.sources[0][0] for event in events]
    assert all(len(event.sources) == len(dict(event.sources)) for event in events)

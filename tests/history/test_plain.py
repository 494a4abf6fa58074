"""Episodes that need no merging get the events that the merge would give them."""

from hypothesis import given
from hypothesis import strategies as st

from src.history.merge.derive import derive
from src.history.observations import Observation, Source
from src.history.plain import is_plain, plain_event
from src.history.queries.events import EpisodeOf, ObservationOf

EPISODE = EpisodeOf(7, "spotify:4rOoJ6Egrf8K2IrywzwOMk", 3, None, None)


@st.composite
def rows(draw: st.DrawFn) -> list[ObservationOf]:
    """Rows of one episode in order of end, some close, some with more ms than time."""
    found: dict[tuple[int, int, int], ObservationOf] = {}
    for number in range(draw(st.integers(1, 6))):
        ended_s = 1_700_000_000 + draw(st.integers(0, 120))
        began_s = ended_s - draw(st.integers(0, 40))
        ms = draw(st.integers(0, 60_000))
        source = draw(st.sampled_from(["ext"] * 8 + ["acc"]))
        seen = ObservationOf(number, 7, source, ended_s, began_s, ms, 0, None, 0)
        found[ended_s, ms, 0] = seen
    return sorted(found.values(), key=lambda row: row.ended_s)


@given(rows())
def test_plain_events_are_those_of_the_merge(seen: list[ObservationOf]) -> None:
    """Where rows are plain, key, times, ms and rule are the same as by all the rules."""
    if not is_plain(seen):
        return
    merged = derive(
        Observation(
            source=Source(row.source),
            episode=EPISODE.identity,
            ended_s=row.ended_s,
            began_s=row.began_s,
            ms=row.ms,
            n=row.n,
        )
        for row in seen
    )
    expected = [
        (one.id.hex, one.began_s, one.ended_s, one.earliest_s, one.latest_s, one.ms, one.clamped)
        for one in merged
    ]
    plain = [plain_event(row, EPISODE) for row in seen]

    assert expected == [
        (one.id, one.began_s, one.ended_s, one.earliest_s, one.latest_s, one.ms, one.clamped)
        for one in plain
    ]
    assert {("exact", "extended")} == {(one.certainty, one.rule) for one in plain}


def test_rows_that_meet_are_not_plain() -> None:
    """Overlap, containment, closeness of ends and another source all ask for the merge."""
    first = ObservationOf(1, 7, "ext", 1_000, 900, 100_000, 0, None, 0)

    for began_s, ended_s, source in (
        (990, 1_100, "ext"),
        (1_000, 1_004, "ext"),
        (1_200, 1_300, "acc"),
    ):
        other = ObservationOf(2, 7, source, ended_s, began_s, 1_000, 0, None, 0)
        assert not is_plain([first, other])
    assert is_plain([first, ObservationOf(2, 7, "ext", 1_100, 1_000, 1_000, 0, None, 0)])

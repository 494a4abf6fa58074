"""Hypothesis strategies: observations close enough together to get in each other's way."""

from hypothesis import strategies as st

from src.history.merge.event import Edit, EditKind
from src.history.observations import Flag, Observation, Source
from tests.history.said import EPISODE, at

_FROM_S = at("08:00")
TITLE = "title:9f86d081884c7d659a2feaa0c55ad015"

_LENGTHS_MS = (0, 100, 1_200, 45_000, 600_000, 1_500_000)
_FLAGS = (Flag.NONE, Flag.AT_LEAST, Flag.MAPPED)
_PAUSES_S = (0, 0, 0, 7, 1800)

_lengths = st.sampled_from(_LENGTHS_MS) | st.integers(0, 2_000_000)
_told = st.tuples(
    st.sampled_from([Source.EXTENDED, Source.ACCOUNT, *Source]),
    st.integers(0, 240),
    st.sampled_from([0, 0, 0, 5, 59]),
    _lengths,
    st.integers(0, 2 * len(_PAUSES_S) * len(_FLAGS) * 4 - 1),
)


def _observation(told: tuple[Source, int, int, int, int]) -> Observation:
    source, minute, second, ms, rest = told
    rest, pause = divmod(rest, len(_PAUSES_S))
    rest, flag = divmod(rest, len(_FLAGS))
    titled, n = divmod(rest, 4)
    if source is Source.ACCOUNT:
        second = 0
    elif source is Source.POLL:
        ms = pause = 0
    ended_s = _FROM_S + 60 * minute + second
    return Observation(
        source=source,
        episode=TITLE if titled else EPISODE,
        ended_s=ended_s,
        began_s=ended_s - ms // 1000 - _PAUSES_S[pause],
        ms=ms,
        n=n // 3,
        flags=_FLAGS[flag],
    )


observation = _told.map(_observation)
"""One observation of any source, all times within a few hours."""

observations = st.lists(observation, max_size=10, unique_by=lambda one: one.key)
"""Up to ten observations of one episode, no key twice."""


@st.composite
def observations_and_edits(draw: st.DrawFn) -> tuple[list[Observation], list[Edit]]:
    """Observations with a few edits of them, sleeping ones among these."""
    rows = draw(observations)
    absent = draw(observation)
    keys = st.sampled_from([row.key for row in [*rows, absent]])
    pairs = st.builds(Edit, st.sampled_from([EditKind.SPLIT, EditKind.JOIN]), keys, keys)
    hides = st.builds(Edit, st.just(EditKind.HIDE), keys)
    return rows, draw(st.lists(pairs | hides, max_size=4))


@st.composite
def plays(draw: st.DrawFn) -> list[tuple[int, int]]:
    """End (UTC epoch seconds) and ms of true plays, one after the other."""
    found, now_s = [], _FROM_S
    for _ in range(draw(st.integers(1, 8))):
        ms = draw(_lengths)
        now_s += draw(st.sampled_from([0, 1, 30, 600, 7200])) + -(-ms // 1000)
        found.append((now_s, ms))
    return found

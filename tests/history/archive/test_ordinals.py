"""Equal rows of one file are told apart by their order."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from src.history.archive.ordinals import Ordinals


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None]))))
def test_a_key_is_numbered_from_0(keys: list[tuple[int, str | None]]) -> None:
    """The n-th time that a key comes, it gets n, whatever comes between."""
    ordinals = Ordinals()
    seen: Counter[tuple[int, str | None]] = Counter()
    expected = []
    for key in keys:
        expected.append(seen[key])
        seen[key] += 1

    assert expected == [ordinals.next(key) for key in keys]


def test_nothing_is_forgotten_while_the_table_grows() -> None:
    """Many keys are each new once, and known ever after."""
    ordinals = Ordinals()
    first = {ordinals.next((number, "an episode")) for number in range(20_000)}
    second = {ordinals.next((number, "an episode")) for number in range(20_000)}

    assert {0} == first
    assert {1} == second

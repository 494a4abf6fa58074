"""A list is cut between rows, and nowhere else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.archive.pieces import Piece, fragments, pieces

TITLES = st.one_of(
    st.text(),
    st.text(alphabet='{}[],:" \\\na'),
    st.sampled_from(["} , {", '},{"', '"},{"ts":', '\\"},{\\"ts\\":1', "}]", "}", "{"]),
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["ts", "ms_played", "episode_name"]), TITLES, min_size=1)
)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    """Yield `data` in blocks of `size` bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))


def cut(data: bytes, *, size: int, row_bytes: int = 1 << 20) -> list[Piece]:
    """Return all pieces."""
    return list(pieces(blocks(data, size), row_bytes=row_bytes))


def rows_of(found: list[Piece]) -> list[Any]:
    """Return the rows of pieces that are all well."""
    return [row for piece in found for row in json.loads(piece.body)]


@given(rows=ROWS, size=st.integers(1, 200), indent=st.sampled_from([None, 0, 2]))
def test_rows_are_the_same_for_any_size_of_piece(
    rows: list[dict[str, str]], size: int, indent: int | None
) -> None:
    """Every piece is a list by itself, and together they have every row once, in order."""
    data = json.dumps(rows, indent=indent, ensure_ascii=False).encode(errors="replace")
    expected = json.loads(data)

    assert expected == rows_of(cut(data, size=size))


@given(rows=ROWS, indent=st.sampled_from([None, 0, 2]))
def test_a_piece_splits_into_single_rows(rows: list[dict[str, str]], indent: int | None) -> None:
    """Every fragment is one row, whatever braces its titles have."""
    data = json.dumps(rows, indent=indent).encode()

    assert rows == [json.loads(one) for one in fragments(data[1:-1].strip()) if one]


@pytest.mark.parametrize("title", ["a} , {b", '},{"', '"},{"ts":"', '}, {"ts": 1}, {"ts": 2'])
def test_a_title_that_looks_like_a_border_is_none(title: str) -> None:
    """A quote inside a title is escaped, so that no key can follow its brace."""
    rows = [{"episode_name": title, "ms_played": number} for number in range(3)]

    for size in range(1, 60):
        assert rows == rows_of(cut(json.dumps(rows).encode(), size=size))


def test_marks_and_blanks_before_the_list_are_passed_over() -> None:
    """The first piece begins at the bracket, however late it comes."""
    data = b"\xef\xbb\xbf \n\t" + b" " * 100 + b'[{"a": 1}, {"a": 2}]'

    assert [{"a": 1}, {"a": 2}] == rows_of(cut(data, size=16))


@given(rows=ROWS, size=st.integers(1, 100))
def test_the_offset_is_where_the_next_piece_begins(rows: list[dict[str, str]], size: int) -> None:
    """Reading on from the end of any piece finds exactly the rows that are left."""
    data = json.dumps(rows).encode()
    found = cut(data, size=size)

    assert len(data) == found[-1].end
    for count, piece in enumerate(found[:-1], start=1):
        assert rows_of(found[count:]) == json.loads(b"[" + data[piece.end :])


def test_a_list_without_end_leaves_its_beginning() -> None:
    """What is there of a row that was cut off comes last."""
    found = cut(b'[{"a": 1}, {"a": 2}, {"a', size=12)

    assert b'[{"a": 1}]' == b"".join(bytes(piece.body) for piece in found[:-1])
    assert b'[{"a": 2}, {"a' == found[-1].body
    assert [True] == [piece.is_last for piece in found if piece.is_last]


def test_a_row_without_end_is_given_up_and_the_next_one_found() -> None:
    """It is not held in memory: only its beginning, as long as the limit, comes as a piece."""
    endless = b'{"a": "' + b"x" * 10_000 + b'"}'
    data = b'[{"a": 1}, ' + endless + b', {"a": 2}, {"a": 3}]'
    found = cut(data, size=100, row_bytes=1_000)
    too_long = [piece for piece in found if piece.is_too_long]

    assert 1 == len(too_long)
    assert len(too_long[0].body) <= 1_100
    assert [{"a": 1}, {"a": 2}, {"a": 3}] == rows_of([it for it in found if not it.is_too_long])
    assert len(data) == found[-1].end


@pytest.mark.parametrize("size", [7, 64, 300, 5_000])
def test_the_border_after_a_row_without_end_may_lie_between_blocks(size: int) -> None:
    """However the blocks fall, it is seen."""
    data = b'[{"a": "' + b"x" * 20_000 + b'"} ,\n {"a": 2}]'
    found = cut(data, size=size, row_bytes=1_000)

    assert [{"a": 2}] == rows_of([piece for piece in found if not piece.is_too_long])


def test_a_list_may_end_inside_a_row_without_end() -> None:
    """Then nothing is left to read."""
    found = cut(b'[{"a": "' + b"x" * 5_000, size=100, row_bytes=1_000)

    assert [True, False] == [piece.is_too_long for piece in found]
    assert b"[]" == found[-1].body
    assert 5_008 == found[-1].end


def test_braces_without_number_hide_no_border() -> None:
    """The search for the last border is bounded; what it misses, the next block or limit finds."""
    braces = "}" * 10_000
    rows = [{"a": 1}, {"a": braces}, {"a": 2}, {"a": braces}]
    data = json.dumps(rows).encode()

    assert rows == rows_of(cut(data, size=10_005))
    assert rows == rows_of(cut(data, size=10_005, row_bytes=10_000))

"""What a request schema lets in can be stored in both databases."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from src.utils.text import CleanText, LongText, PageLimit, RowId, ShortText

CLEAN = TypeAdapter[str](CleanText)


@given(st.text())
def test_every_ordinary_text_passes_unchanged(text: str) -> None:
    """Any script, any emoji, any control character but NUL: nothing is normalised."""
    expected = text.replace("\0", "")

    with closing(sqlite3.connect(":memory:")) as connection:
        stored = connection.execute("SELECT ?", (expected,)).fetchone()

    assert expected == CLEAN.validate_python(expected)
    assert (expected,) == stored


@pytest.mark.parametrize("bad", ["\0", "a\0b", "\ud800", "Folge \udfff"])
def test_what_no_database_stores_is_refused(bad: str) -> None:
    """From Python and from JSON, where a surrogate hides in an escape."""
    with pytest.raises(ValidationError):
        CLEAN.validate_python(bad)
    with pytest.raises(ValidationError):
        CLEAN.validate_json(json.dumps(bad))


def test_pair_of_surrogates_in_json_is_one_character() -> None:
    """An escaped emoji is no half pair."""
    assert "\U0001f3a7" == CLEAN.validate_json('"\\ud83c\\udfa7"')


def test_schema_tells_clients_about_nul() -> None:
    """The OpenAPI document does not promise what we refuse."""
    schema = TypeAdapter[str](ShortText).json_schema()

    assert {
        "type": "string",
        "pattern": "^[^\\u0000]*$",
        "minLength": 1,
        "maxLength": 200,
    } == schema


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ShortText, ["x", "x" * 200], ["", "x" * 201, "x\0"]),
        (LongText, ["", "x" * 4000], ["x" * 4001, "\ud800"]),
        (RowId, [1, 2**63 - 1], [0, -1, 2**63]),
        (PageLimit, [1, 200], [0, 201]),
    ],
)
def test_bounds_hold_at_both_ends(kind: Any, good: list[object], bad: list[object]) -> None:
    """The first and last allowed value pass, their neighbours do not."""
    adapter = TypeAdapter[object](kind)

    assert good == [adapter.validate_python(each) for each in good]
    for each in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(each)

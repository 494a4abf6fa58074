"""Records as rows of a table that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """Return `value` as the text of a cell.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers
    are no text. Nothing at all is an empty cell.
    """
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_BEGINS_A_FORMULA) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)


def rows(values: Iterable[Sequence[object]]) -> bytes:
    """Return lines of comma-separated values, UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([cell(value) for value in row] for row in values)
    return text.getvalue().encode()

"""Text of a piece to rows: all at once, or row by row where something in it is wrong."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

import msgspec

from src.history.archive.pieces import Piece, fragments
from src.history.archive.reasons import BadRow
from src.history.archive.rows import ACCOUNT, EXTENDED, Reading, Row, Unusable, unusable

_FORMAT = re.compile(rb'"(?:(ms_played)|msPlayed)"\s*+:')
_FAULTS = (ValueError, RecursionError)  # what both decoders raise; msgspec's are ValueErrors
_COMMA = re.compile(r"[ \t\r\n]*+,[ \t\r\n]*+")
_NEXT_ROW = re.compile(r',\s*+(?=\{\s*+"[A-Za-z_]++"\s*+:)')
_MOST_FAULTS = 16
"""How often reading goes on after a fault before the next border: garbage has many beginnings."""
_BLANKS = " \t\r\n"


class Decoded(NamedTuple):
    """The rows of a piece in order, `Unusable` ones in their places.

    `mended` of them could be read only after bytes that are no text were replaced, or with
    control characters or halves of characters in them.
    """

    rows: Sequence[Row]
    mended: int = 0


def reading_of(body: bytes | bytearray) -> Reading | None:
    """Tell the format of a file by the keys of the rows in its first piece; None is neither."""
    key = _FORMAT.search(body)
    if key is None:
        return None
    return EXTENDED if key[1] else ACCOUNT


def decode(piece: Piece, reading: Reading) -> Decoded:
    """Return all rows of a piece. Whatever is wrong in it costs the rows it is in, and no other."""
    if not piece.is_too_long:
        try:
            return Decoded(reading.as_rows(reading.many.decode(piece.body)))
        except _FAULTS:
            pass
    return _row_by_row(piece, reading)


def _row_by_row(piece: Piece, reading: Reading) -> Decoded:
    inside = bytes(piece.body[1:]).rstrip()
    if not piece.is_too_long:
        inside = inside.removesuffix(b"]")
    rows: list[Row] = []
    mended = 0
    for fragment in fragments(inside):
        try:
            rows += reading.as_rows(reading.many.decode(b"[" + fragment + b"]"))
        except _FAULTS:
            found = list(_leniently(fragment, reading))
            mended += sum(is_mended for _, is_mended in found)
            rows += [row for row, _ in found]
    if piece.is_too_long:
        if rows and isinstance(rows[-1], Unusable):
            rows.pop()
        rows.append(unusable(BadRow.TOO_LONG))
    return Decoded(rows, mended)


def _leniently(fragment: bytes, reading: Reading) -> Iterator[tuple[Row, bool]]:
    """Yield the values in a fragment as rows, each with whether it had to be mended.

    What is no JSON is one unreadable row, up to where the next row seems to begin: one that has
    lost its brace takes no other with it.
    """
    text = fragment.decode("utf-8", "replace").strip(_BLANKS)
    at, faults = 0, 0
    while at < len(text):
        try:
            value, end = _LENIENT.raw_decode(text, at)
        except _FAULTS:
            end, next_row = at, None
        else:
            next_row = _COMMA.match(text, end)
            yield _row(value, text[at:end], reading)
        if next_row is None and end < len(text):
            yield unusable(BadRow.UNREADABLE), False
            faults += 1
            next_row = _NEXT_ROW.search(text, end) if faults < _MOST_FAULTS else None
        at = len(text) if next_row is None else next_row.end()


def _row(value: object, text: str, reading: Reading) -> tuple[Row, bool]:
    """Return `value`, which was read from `text`, as a row, and whether it had to be mended."""
    if not isinstance(value, dict):
        return unusable(BadRow.NOT_A_ROW), False
    try:
        row = reading.as_rows([msgspec.convert(value, reading.one)])[0]
    except msgspec.ValidationError as error:
        is_time = "`$.ts`" in str(error) and isinstance(value.get("ts"), str)
        return unusable(BadRow.BAD_TIME if is_time else BadRow.WRONG_TYPE), False
    return row, "\ufffd" in text or not _is_plain(text, reading)


def _is_plain(text: str, reading: Reading) -> bool:
    """Tell whether a row can be read as it is."""
    try:
        reading.many.decode(f"[{text}]")
    except _FAULTS:
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_LENIENT = json.JSONDecoder(strict=False, parse_constant=_refuse)

"""A long JSON list of flat objects, cut into short lists at borders between its rows.

A border is `}`, a comma, and the beginning of an object with its first key. That is sound: in
JSON, an unescaped quote within or at the end of a string is never followed by letters, a quote
and a colon, so no title can look like a border, whatever braces and commas it has.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_BORDER = rb'\s*+,\s*+(?=\{\s*+"[A-Za-z_]++"\s*+:)'
_AFTER_BRACE = re.compile(_BORDER)
_WITH_BRACE = re.compile(rb"\}" + _BORDER)  # a literal in front lets `re` skip quickly
_TRIES = 4_096
"""Closing braces looked at for the last border; more come in a row only where there is none."""
_OVERLAP = 256
"""Bytes kept while an endless row is skipped, for a border that two blocks share."""


class Piece(NamedTuple):
    """Some rows of a list, in order.

    Attributes:
        body: `[`, the rows, and `]` unless it is the end of a list that was cut short.
        end: Bytes of the text read up to the next piece; never falls.
        is_last: Whether nothing follows.
        is_too_long: Whether it ends inside a row without end, the rest of which is skipped.
    """

    body: bytearray
    end: int
    is_last: bool = False
    is_too_long: bool = False


def pieces(blocks: Iterable[bytes], *, row_bytes: int) -> Iterator[Piece]:
    """Cut the text of one list into pieces, each about as long as a block.

    Args:
        blocks: The text in UTF-8, whose first character after blanks and marks is `[`.
        row_bytes: How much text without a border is held before it is given up as one row.

    Yields:
        The pieces; the last one has `is_last`.
    """
    cutter = _Cutter(row_bytes)
    for block in blocks:
        piece = cutter.add(block)
        if piece is not None:
            yield piece
    yield cutter.finish()


def fragments(body: bytes | bytearray) -> Iterator[bytes]:
    """Split a piece at every border; each fragment is a row, more only where one is no object.

    Args:
        body: Text of a piece without its brackets.
    """
    start = 0
    for border in _WITH_BRACE.finditer(body):
        yield bytes(body[start : border.start() + 1])
        start = border.end()
    yield bytes(body[start:])


class _Cutter:
    """Holds the text that is not yet part of a piece; it begins with `[`, the list's or ours."""

    def __init__(self, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._held = bytearray()
        self._passed = 0
        self._has_begun = False
        self._is_skipping = False

    def add(self, block: bytes) -> Piece | None:
        """Take the next block; return the rows that are whole with it, if any."""
        self._held += block
        if not self._has_begun:
            self._has_begun = b"[" in self._held
            self._drop(self._held.index(b"[") if self._has_begun else len(self._held))
        if self._is_skipping and not self._skip():
            return None
        border = _last_border(self._held)
        if border is None and len(self._held) > self._row_bytes:
            return self._give_up()
        return None if border is None else self._cut(*border)

    def finish(self) -> Piece:
        """Return what is left, which is the end of the list or what there is of it."""
        body = bytearray(b"[]") if self._is_skipping else self._held
        return Piece(body, self._passed + len(self._held), is_last=True)

    def _cut(self, start: int, end: int) -> Piece:
        """Let the text before `start` go as a piece, and go on at `end`."""
        rest, piece = self._held[end:], self._held
        del piece[start:]
        piece += b"]"
        self._passed += end - 1
        self._held = bytearray(b"[") + rest
        return Piece(piece, self._passed + 1)

    def _give_up(self) -> Piece:
        """Let everything go as a piece that ends in a row without end."""
        last = deque(_WITH_BRACE.finditer(self._held), maxlen=1)
        if last:
            return self._cut(last[0].start() + 1, last[0].end())
        piece = Piece(self._held, self._passed + len(self._held), is_too_long=True)
        self._is_skipping = True
        self._held = self._held[:]
        self._drop(max(0, len(self._held) - _OVERLAP))
        return piece

    def _skip(self) -> bool:
        """Drop what belongs to the row without end; tell whether its end was found."""
        border = _WITH_BRACE.search(self._held)
        if border is None:
            self._drop(max(0, len(self._held) - _OVERLAP))
            return False
        self._drop(border.end() - 1)
        self._held[0:1] = b"["
        self._is_skipping = False
        return True

    def _drop(self, count: int) -> None:
        self._passed += count
        del self._held[:count]


def _last_border(text: bytearray) -> tuple[int, int] | None:
    """Return where the last border begins, after its brace, and where it ends."""
    brace = len(text)
    for _ in range(_TRIES):
        brace = text.rfind(b"}", 0, brace)
        if brace < 0:
            return None
        border = _AFTER_BRACE.match(text, brace + 1)
        if border is not None:
            return border.span()
    return None

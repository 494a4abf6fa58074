"""What a file is by its first bytes, and its text as UTF-8."""

import codecs
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

HEAD_BYTES = 4096
"""How much of a file has to be known to tell what it is; leading blanks may take most of it."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"[\0", "utf-16-le"),
    (b"\0[", "utf-16-be"),
)
_NAME_CHARACTERS = 255
_BLANKS = " \t\r\n\ufeff"
_ZIPS = ("PK\x03\x04", "PK\x05\x06")


class Content(StrEnum):
    """What kind of text or archive a file is."""

    LIST = "list"
    OBJECT = "object"
    ZIP = "zip"
    EMPTY = "empty"
    OTHER = "other"


class Seen(NamedTuple):
    """What a file is, and the codec its text is written in."""

    content: Content
    codec: str


def look(head: bytes) -> Seen:
    """Tell what a file is.

    Args:
        head: Its first `HEAD_BYTES` bytes, or all of a shorter one.
    """
    codec = next((codec for bom, codec in _BOMS if head.startswith(bom)), "utf-8")
    text = head.decode(codec, "replace").lstrip(_BLANKS)
    if text.startswith("["):
        content = Content.LIST
    elif text.startswith("{"):
        content = Content.OBJECT
    elif text.startswith(_ZIPS):
        content = Content.ZIP
    else:
        content = Content.OTHER if text else Content.EMPTY
    return Seen(content, codec)


def as_utf8(blocks: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """Return the text of `blocks` as UTF-8; what cannot be read in UTF-16 becomes U+FFFD.

    UTF-8 passes unchecked: its faults are mended row by row.
    """
    if codec == "utf-8":
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # no database and no encoder takes these


def storable(text: str) -> str:
    """Return `text` without NULs, and with U+FFFD for each half of a surrogate pair."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def printable(name: str) -> str:
    """Return the name of a file as it can be shown and stored, at most 255 characters."""
    shown = "".join(one if one.isprintable() else "\ufffd" for one in name[:_NAME_CHARACTERS])
    return shown or "\ufffd"

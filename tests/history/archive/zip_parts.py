"""Zips that say of themselves what is not so."""

import struct
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_CENTRAL = b"PK\x01\x02"
_FLAGS, _CRC, _PACKED, _SIZE, _OFFSET = 8, 16, 20, 24, 42
"""Where in an entry of a zip's directory the fields are."""


def tampered(
    path: Path,
    *,
    entry: int = 0,
    flags: int | None = None,
    crc: int | None = None,
    packed: int | None = None,
    size: int | None = None,
    offset: int | None = None,
) -> Path:
    """Change what a zip's directory says of one of its members."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(entry + 1):
        at = data.index(_CENTRAL, at + 1)
    for place, form, value in (
        (_FLAGS, "<H", flags),
        (_CRC, "<I", crc),
        (_PACKED, "<I", packed),
        (_SIZE, "<I", size),
        (_OFFSET, "<I", offset),
    ):
        if value is not None:
            struct.pack_into(form, data, at + place, value)
    path.write_bytes(data)
    return path


def add(path: Path, info: ZipInfo, data: bytes) -> None:
    """Append a member whose entry is made by hand."""
    with ZipFile(path, "a", ZIP_DEFLATED) as archive:
        archive.writestr(info, data)

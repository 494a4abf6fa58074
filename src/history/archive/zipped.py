"""Members of a zip: which are safe to open, and their bytes, counted as they come out.

What a zip says of itself can be a lie: sizes are checked against what really comes, and names
are never used as paths.
"""

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from src.history.archive.limits import Limits
from src.history.archive.reasons import FileFault, FileStopped
from src.history.errors import ArchiveDamaged, TooManyMembers

_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
_PACKED_BYTES = 1 << 16
_FARTHEST = 1 << 62  # no file is that long; a place behind it could not even be asked for
_UNSAFE_NAME = re.compile(r"^/|^[A-Za-z]:|[\\\0]|(?:^|/)\.\.(?:/|$)")
_UNREADABLE = (BadZipFile, ValueError, NotImplementedError, EOFError, struct.error, OverflowError)


def members(path: Path, limits: Limits) -> list[ZipInfo]:
    """Return what a zip says it holds, folders left out.

    Raises:
        ArchiveDamaged: It cannot be opened as a zip.
        TooManyMembers: It holds more than `limits` allow.
    """
    with _Guarded(path, limits) as file:
        try:
            with ZipFile(file) as archive:
                found = archive.infolist()
        except _UNREADABLE as error:
            raise ArchiveDamaged from error
    if len(found) > limits.members:
        raise TooManyMembers(limits.members)
    return [info for info in found if not info.is_dir()]


def fault_of(info: ZipInfo, limits: Limits) -> FileFault | None:
    """Tell why a member must not be opened, by what the zip says of it; None if nothing speaks."""
    if _UNSAFE_NAME.search(info.orig_filename):
        return FileFault.UNSAFE_NAME
    if stat.S_ISLNK(info.external_attr >> 16):
        return FileFault.LINK
    if info.flag_bits & _ENCRYPTED:
        return FileFault.ENCRYPTED
    if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return FileFault.COMPRESSION
    if limits.is_bomb(unpacked=info.file_size, packed=info.compress_size):
        return FileFault.BOMB
    return None


def unpacked(file: BinaryIO, info: ZipInfo, *, block_bytes: int, limits: Limits) -> Iterator[bytes]:
    """Yield the bytes of a member that has no fault, at most `block_bytes` at a time.

    Raises:
        FileStopped: It is damaged, or not as long or as loosely packed as the zip says. The
            blocks yielded before are what it holds.
    """
    _seek(file, info)
    blocks = _stored if info.compress_type == ZIP_STORED else _inflated
    size = checksum = 0
    for block, packed in blocks(file, info.compress_size, block_bytes):
        size += len(block)
        checksum = zlib.crc32(block, checksum)
        if limits.is_bomb(unpacked=size, packed=packed):
            raise FileStopped(FileFault.BOMB)
        if size > info.file_size:
            raise FileStopped(FileFault.DAMAGED)
        yield block
    if size != info.file_size or checksum != info.CRC:
        raise FileStopped(FileFault.DAMAGED)


def packed(file: BinaryIO, info: ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a member as they lie in the zip; nothing if they are not there."""
    try:
        _seek(file, info)
    except FileStopped:
        return
    for block, _ in _stored(file, info.compress_size, _PACKED_BYTES):
        yield block


def _seek(file: BinaryIO, info: ZipInfo) -> None:
    """Go to where the packed bytes of a member begin."""
    if not 0 <= info.header_offset <= _FARTHEST:
        raise FileStopped(FileFault.DAMAGED)
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_MAGIC):
        raise FileStopped(FileFault.DAMAGED)
    _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    file.seek(name_bytes + extra_bytes, 1)


def _stored(file: BinaryIO, packed: int, block_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield blocks, each with how many packed bytes it and those before took."""
    left = packed
    while left and (block := file.read(min(block_bytes, left))):
        left -= len(block)
        yield block, packed - left


def _inflated(file: BinaryIO, packed: int, block_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield blocks as `_stored` does."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    left, waiting = packed, b""
    while not inflater.eof:
        if not waiting:
            waiting = file.read(min(_PACKED_BYTES, left))
            left -= len(waiting)
        try:
            block = inflater.decompress(waiting, block_bytes)
        except zlib.error as error:
            raise FileStopped(FileFault.DAMAGED) from error
        if not block and not waiting:  # nothing more comes, and it has not ended
            return
        waiting = inflater.unconsumed_tail
        if block:
            yield block, packed - left - len(waiting)


class _Guarded(BufferedReader):
    """A zip being opened: its directory, which `ZipFile` reads at once, has to be short."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(FileIO(path))
        self._limits = limits

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Raises:
            TooManyMembers: That much is only asked for a directory of very many members.
        """
        if size is not None and size > self._limits.directory_bytes:
            raise TooManyMembers(self._limits.members)
        return super().read(size)

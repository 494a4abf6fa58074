"""Files out of a request's body, piece by piece to the disk: never more than one in memory."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self
from uuid import UUID

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from src.config import Settings
from src.history import uploads
from src.history.errors import UploadBroken
from src.history.models import HistoryFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_FILES = 20
"""Files in one request."""

_LOOK_BYTES = 64 << 20
"""How often the room on the disk is looked at."""


class Received(NamedTuple):
    """A file that is there."""

    name: str
    size_bytes: int
    sha256: str


class _Sink:
    """One file on its way to the disk."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._file.write(data)
        self._digest.update(data)
        self._size_bytes += len(data)

    def close(self) -> Received:
        """End the file."""
        self._file.close()
        return Received(self.name, self._size_bytes, self._digest.hexdigest())


class Receiver:
    """Writes the files of one request below the data folder; use it as a context.

    Args:
        settings: Where, and how much room has to stay free.
        run_id: The import that they are for.
    """

    def __init__(self, settings: Settings, run_id: UUID) -> None:
        self.files: list[Received] = []
        self._settings = settings
        self._run_id = run_id
        self._sink: _Sink | None = None
        self._unlooked_bytes = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close a file that was cut off."""
        if self._sink is not None:
            self._sink.close()

    def rows(self) -> list[HistoryFile]:
        """Return the rows of the files that are there."""
        found = []
        for position, file in enumerate(self.files):
            row = uploads.file_row(
                self._run_id,
                position,
                name=file.name,
                size_bytes=file.size_bytes,
                received_bytes=file.size_bytes,
            )
            row.sha256 = file.sha256
            found.append(row)
        return found

    async def take_body(self, body: AsyncIterator[bytes], *, name: str) -> None:
        """Take the whole body as one file.

        Raises:
            NoSpace: The disk would be too full.
        """
        self._begin(name)
        async for data in body:
            self._write(data)
        self._end()

    async def take_form(self, body: AsyncIterator[bytes], *, content_type: str) -> None:
        """Take the files of a form (multipart/form-data); fields without a file are ignored.

        Raises:
            UploadBroken: It is no such form, or has no file or too many.
            NoSpace: The disk would be too full.
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise UploadBroken("The form says nothing of its boundary: send it as browsers do.")
        try:
            parser = MultipartParser(boundary, _Form(self).callbacks())
            async for data in body:
                parser.write(data)
            parser.finalize()
        except FormParserError as error:
            raise UploadBroken("The form is broken or cut off. Send it again.") from error
        if not self.files or self._sink is not None:
            raise UploadBroken("There is no whole file in the form.")

    def _begin(self, name: str) -> None:
        if len(self.files) == MOST_FILES:
            raise UploadBroken(f"One import takes {MOST_FILES} files at most.")
        path = uploads.place_for(self._run_id, len(self.files))
        self._sink = _Sink(uploads.open_new(self._settings, path), uploads.shown(name))

    def _write(self, data: bytes) -> None:
        if self._sink is None:
            return
        self._unlooked_bytes += len(data)
        if self._unlooked_bytes >= _LOOK_BYTES:
            uploads.demand_space(self._settings, len(data))
            self._unlooked_bytes = 0
        self._sink.write(data)

    def _end(self) -> None:
        if self._sink is not None:
            self.files.append(self._sink.close())
            self._sink = None


class _Form:
    """Hands the parts of a form that are files to a receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._field = bytearray()
        self._value = bytearray()
        self._name: str | None = None

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser calls."""
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
        }

    def _on_part_begin(self) -> None:
        self._name = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            name = options.get(b"filename")
            self._name = None if name is None else name.decode("utf-8", "replace")
        self._field.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        if self._name is not None:
            self._receiver._begin(self._name)  # noqa: SLF001 - the two are one

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._receiver._write(data[start:end])  # noqa: SLF001

    def _on_part_end(self) -> None:
        self._receiver._end()  # noqa: SLF001


async def body_of(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes.

    Args:
        receive: The request's own `receive`, of which nothing was read yet.

    Raises:
        UploadBroken: The line broke before its end.
    """
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise UploadBroken("The line broke before all of it was there.")
        if data := message.get("body", b""):
            yield data
        if not message.get("more_body", False):
            return


async def append(
    body: AsyncIterator[bytes], *, settings: Settings, path: Path, offset: int, size_bytes: int
) -> int:
    """Add a part of an upload to its file; return how long that is now.

    What came before a connection broke stays: the next part goes on there.

    Args:
        body: The part's bytes.
        settings: How much room has to stay free.
        path: The file, which this process holds alone.
        offset: Where the part begins: the file's length.
        size_bytes: Length of the whole file.

    Raises:
        UploadBroken: More comes than was announced; nothing of it is kept beyond the end.
        NoSpace: The disk would be too full.
    """
    unlooked_bytes = _LOOK_BYTES
    with path.open("ab") as file:
        async for data in body:
            if offset + len(data) > size_bytes:
                raise UploadBroken(f"This upload was announced with {size_bytes:,} bytes.")
            unlooked_bytes += len(data)
            if unlooked_bytes >= _LOOK_BYTES:
                uploads.demand_space(settings, len(data))
                unlooked_bytes = 0
            file.write(data)
            offset += len(data)
    return offset

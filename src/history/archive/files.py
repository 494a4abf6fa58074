"""One file of an archive to batches, and a report at its end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO
from zipfile import ZipInfo

from src.history.archive import zipped
from src.history.archive.classing import Classed, Classifier
from src.history.archive.decoding import decode, reading_of
from src.history.archive.limits import Limits
from src.history.archive.pieces import Piece, pieces
from src.history.archive.reasons import FileFault, FileStopped
from src.history.archive.report import Batch, FileReport
from src.history.archive.rows import FileFormat, Reading
from src.history.archive.text import as_utf8


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that may hold history: a member of a zip, or a file by itself.

    Attributes:
        index: Its place among the files of the archive, from 0.
        name: Its name without what cannot be printed, at most 255 characters.
        size: Its bytes, unpacked, as far as the zip tells the truth.
        fault: Why it is not read; None if it is.
        codec: What its text is written in.
        member: Where in the zip it is; None for a file by itself.
    """

    index: int
    name: str
    size: int
    fault: FileFault | None = None
    codec: str = "utf-8"
    member: ZipInfo | None = field(default=None, repr=False)


class FileReader:
    """Reads one file, once.

    Args:
        file: The archive.
        source: Which file of it.
        limits: What is read at most.
        left_bytes: How much text may still be read of the archive.
    """

    def __init__(self, file: BinaryIO, source: Source, limits: Limits, left_bytes: int) -> None:
        self._file = file
        self._source = source
        self._limits = limits
        self._left_bytes = left_bytes
        self._bytes_read = 0
        self._fault = source.fault
        self._reading: Reading | None = None

    def batches(self, now: datetime) -> Iterator[Batch]:
        """Yield a batch for each MiB; the last one has the report."""
        name = self._source.name
        classifier = Classifier(name, now=now, is_video="video" in name.casefold())
        offset = 0
        for piece in self._pieces():
            self._reading = self._reading or reading_of(piece.body)
            if self._reading is None:
                self._fault = self._fault or _fault_without_rows(piece)
                break
            decoded = decode(piece, self._reading)
            classifier.take(decoded.rows, mended=decoded.mended)
            is_full = classifier.counts.podcasts > self._limits.plays
            if is_full or piece.is_last:
                offset = piece.end
                self._end(piece, is_full=is_full)
                break
            if piece.end - offset >= self._limits.batch_bytes:
                offset = piece.end
                yield self._batch(classifier.batch(), offset)
        yield self._batch(classifier.batch(), offset, self._report(classifier))

    def _pieces(self) -> Iterator[Piece]:
        if self._fault is None:
            text = as_utf8(self._blocks(), self._source.codec)
            yield from pieces(text, row_bytes=self._limits.row_bytes)

    def _blocks(self) -> Iterator[bytes]:
        """Yield the file's bytes; they end early at a fault, which is noted."""
        try:
            for block in self._raw():
                self._bytes_read += len(block)
                if self._bytes_read > self._left_bytes:
                    self._fault = FileFault.TOO_LARGE
                    return
                yield block
        except FileStopped as stopped:
            self._fault = stopped.fault

    def _raw(self) -> Iterator[bytes]:
        size, member = self._limits.piece_bytes, self._source.member
        if member is not None:
            yield from zipped.unpacked(self._file, member, block_bytes=size, limits=self._limits)
            return
        self._file.seek(0)
        while block := self._file.read(size):
            yield block

    def _end(self, piece: Piece, *, is_full: bool) -> None:
        """Note what was wrong with the end of the file."""
        if is_full:
            self._fault = FileFault.TOO_MANY_ROWS
        elif self._fault is None and not piece.body.rstrip().endswith(b"]"):
            self._fault = FileFault.CUT_SHORT

    def _batch(self, classed: Classed, offset: int, report: FileReport | None = None) -> Batch:
        return Batch(
            index=self._source.index,
            file=self._source.name,
            format=self._format,
            plays=classed.plays,
            counts=classed.counts,
            bad=classed.bad,
            span=classed.span,
            offset=offset,
            report=report,
        )

    @property
    def _format(self) -> FileFormat | None:
        return None if self._reading is None else self._reading.format

    def _report(self, classifier: Classifier) -> FileReport:
        return FileReport(
            index=self._source.index,
            name=self._source.name,
            format=self._format,
            fault=self._fault,
            counts=classifier.counts,
            span=classifier.span,
            bad=classifier.bad,
            bytes_read=self._bytes_read,
        )


def _fault_without_rows(piece: Piece) -> FileFault:
    """Tell what a list is that begins with no row of history."""
    is_empty = b"".join(piece.body.split()) == b"[]"
    return FileFault.EMPTY if is_empty else FileFault.NOT_HISTORY

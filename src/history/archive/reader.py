"""One export, as Spotify sends it or a JSON file of it, to batches of podcast rows.

    archive = Archive.open(path)
    for batch in archive.batches(now=clock.now()):
        ...

Memory in use depends on neither the size of the archive nor that of a file in it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipInfo

from src.history.archive import zipped
from src.history.archive.files import FileReader, Source
from src.history.archive.limits import LIMITS, Limits
from src.history.archive.reasons import UNSAFE, FileFault, FileStopped
from src.history.archive.report import Batch, FileReport
from src.history.archive.text import HEAD_BYTES, Content, look, printable
from src.history.errors import ArchiveDamaged, ArchiveRefused, NotAnExport

_FAULT_OF = {
    Content.OBJECT: FileFault.NOT_HISTORY,
    Content.OTHER: FileFault.NOT_HISTORY,
    Content.ZIP: FileFault.NESTED,
    Content.EMPTY: FileFault.EMPTY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An export on disk, looked into but not yet read.

    Attributes:
        path: Where it is.
        sources: The files in it, in order; those with a fault too.
        limits: What is read of it at most.
    """

    path: Path
    sources: Sequence[Source]
    limits: Limits = LIMITS

    @classmethod
    def open(cls, path: Path, *, name: str | None = None, limits: Limits = LIMITS) -> "Archive":
        """Look into a file; tell what it is by its content, whatever its name.

        Args:
            path: Where it is.
            name: What its owner calls it, if not as it is called on disk. Reports of a JSON file
                have it, and it tells whether one is of videos.
            limits: What is read of it at most.

        Raises:
            NotAnExport: Nothing in it can be listening history.
            ArchiveDamaged: It begins like a zip and is none.
            TooManyMembers: It holds more files than any export.
            ArchiveRefused: Nothing in it is safe to open.
        """
        with path.open("rb") as file:
            seen = look(file.read(HEAD_BYTES))
            if seen.content is Content.ZIP:
                sources = [
                    _member(file, index, info, limits)
                    for index, info in enumerate(zipped.members(path, limits))
                ]
            else:
                alone = Source(
                    index=0,
                    name=printable(name or path.name),
                    size=path.stat().st_size,
                    fault=_FAULT_OF.get(seen.content),
                    codec=seen.codec,
                )
                sources = [alone]
        if all(source.fault for source in sources):
            raise _refusal(source.fault for source in sources)
        return cls(path=path, sources=sources, limits=limits)

    @property
    def size(self) -> int:
        """Bytes of all files that are read, unpacked: what progress is measured by."""
        return sum(source.size for source in self.sources if source.fault is None)

    def sha256(self, source: Source | None = None) -> str:
        """Return a digest, in hexadecimal, by which a file is known again without unpacking it.

        Args:
            source: A file of the archive; by default, all of the archive. Of a member of a zip
                it is the packed bytes that count.
        """
        with self.path.open("rb") as file:
            if source is None or source.member is None:
                return hashlib.file_digest(file, "sha256").hexdigest()
            digest = hashlib.sha256()
            for block in zipped.packed(file, source.member):
                digest.update(block)
            return digest.hexdigest()

    def batches(self, *, now: datetime, first: int = 0) -> Iterator[Batch]:
        """Read every file, in order.

        Args:
            now: The present; UTC. Rows more than a day later are bad.
            first: Index of the file to begin with, to go on after a kill.

        Yields:
            A batch for each MiB of a file, cut at a row; the last of each file has its report.

        Raises:
            NotAnExport: All was read, and none of it is listening history.
            ArchiveRefused: The same, and some of it is not safe to open.
        """
        left = self.limits.total_bytes
        reports: list[FileReport] = []
        with self.path.open("rb") as file:
            for source in self.sources[first:]:
                for batch in FileReader(file, source, self.limits, left).batches(now):
                    if batch.report is not None:
                        reports.append(batch.report)
                        left -= batch.report.bytes_read
                    yield batch
        if first == 0 and all(report.format is None for report in reports):
            raise _refusal(report.fault for report in reports)


def _member(file: BinaryIO, index: int, info: ZipInfo, limits: Limits) -> Source:
    """Look into a member of a zip."""
    fault, codec = zipped.fault_of(info, limits), "utf-8"
    if fault is None:
        try:
            blocks = zipped.unpacked(file, info, block_bytes=HEAD_BYTES, limits=limits)
            seen = look(next(blocks, b""))
            fault, codec = _FAULT_OF.get(seen.content), seen.codec
        except FileStopped as stopped:
            fault = stopped.fault
    return Source(
        index=index,
        name=printable(info.filename),
        size=info.file_size,
        fault=fault,
        codec=codec,
        member=info,
    )


def _refusal(faults: Iterable[FileFault | None]) -> ArchiveRefused:
    """Return what to raise of an archive without any history, by what is wrong with its files."""
    found = set(faults)
    if found & UNSAFE:
        return ArchiveRefused()
    return ArchiveDamaged() if FileFault.DAMAGED in found else NotAnExport()

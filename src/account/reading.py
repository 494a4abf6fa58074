"""An export as it is read back: its files, line by line, whatever somebody made of them."""

import zipfile
from collections.abc import Iterator
from typing import IO, TypeVar

import msgspec

from src.account.errors import ExportDamaged, NotAnExportOfOurs
from src.account.export import HISTORY
from src.account.lines import AnyLine
from src.account.records import Record, Subject

LONGEST_LINE_BYTES = 4 << 20
_STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

Item = TypeVar("Item")


class Export:
    """An opened export.

    Args:
        file: The zip.

    Raises:
        NotAnExportOfOurs: It is none, or holds no history of a Playhead.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise NotAnExportOfOurs("it is no zip, or was not copied to its end") from error
        self._names = set(self._archive.namelist())
        if HISTORY not in self._names:
            raise NotAnExportOfOurs(f"there is no {HISTORY} in it")

    def history(self) -> Iterator[AnyLine]:
        """Yield the lines of the history.

        Raises:
            ExportDamaged: One cannot be read.
        """
        return self._lines(HISTORY, msgspec.json.Decoder(AnyLine))

    def records(self, subject: Subject) -> Iterator[Record]:
        """Yield the records of a subject; none if its file is missing.

        Raises:
            ExportDamaged: One cannot be read.
        """
        name = f"{subject.name}.jsonl"
        if name not in self._names:
            return iter(())
        return self._lines(name, msgspec.json.Decoder(subject.kind))

    def _lines(self, name: str, decoder: "msgspec.json.Decoder[Item]") -> Iterator[Item]:
        if self._archive.getinfo(name).compress_type not in _STORED:
            raise ExportDamaged(name, "it is packed in a way that is not ours")
        number = 0
        try:
            with self._archive.open(name) as member:
                while line := member.readline(LONGEST_LINE_BYTES + 1):
                    number += 1
                    if len(line) > LONGEST_LINE_BYTES:
                        raise ExportDamaged(f"{name}, line {number}", "it is too long")
                    yield decoder.decode(line)
        except msgspec.DecodeError as error:
            raise ExportDamaged(f"{name}, line {number}", str(error)) from error
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
            raise ExportDamaged(name, "it cannot be unpacked to its end") from error

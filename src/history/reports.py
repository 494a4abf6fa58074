"""What an import did, in numbers that add up; kept with the run as JSON."""

from collections.abc import Iterable

import msgspec

from src.errors import PlayheadError
from src.history.archive.report import Counts, FileReport

_MOST_MEMBERS = 200
"""Files of an archive that are told of one by one; the others are in the sums."""


class ImportUnbalanced(PlayheadError):
    """The rows of a file do not add up: a fault of ours."""

    code = "import_unbalanced"
    title = "Import does not add up"


class Place(msgspec.Struct):
    """Where a bad row is: its file, which one from 1, and what is wrong with it."""

    file: str
    row: int
    reason: str


class Member(msgspec.Struct):
    """What became of one file of an archive; `fault` says why it was not read to its end."""

    name: str
    rows: int
    podcasts: int
    format: str | None = None
    fault: str | None = None


class Period(msgspec.Struct):
    """From the first to the last row of a file, both included; UTC epoch seconds."""

    format: str
    first_s: int
    last_s: int


class Tally(msgspec.Struct):
    """Rows of an import by what became of them.

    `rows` = `new` + `known` + `music` + `audiobooks` + `unidentified` + all of `bad`.
    `mended` are among the others. `reported` is what the files' own reports say of `rows`.
    """

    rows: int = 0
    new: int = 0
    known: int = 0
    music: int = 0
    audiobooks: int = 0
    unidentified: int = 0
    mended: int = 0
    reported: int = 0
    text_bytes: int = 0
    bad: dict[str, int] = msgspec.field(default_factory=dict)
    faults: dict[str, int] = msgspec.field(default_factory=dict)
    members_read: int = 0
    members: list[Member] = msgspec.field(default_factory=list)
    places: list[Place] = msgspec.field(default_factory=list)
    periods: list[Period] = msgspec.field(default_factory=list)
    refused: str | None = None
    """Code of the error for which the file, or the rest of it, was refused."""
    message: str | None = None
    """What it says."""

    @property
    def podcasts(self) -> int:
        """Rows that tell of listening to an episode."""
        return self.new + self.known

    @property
    def skipped(self) -> int:
        """Rows that were left out, for whatever reason."""
        return self.music + self.audiobooks + self.unidentified + sum(self.bad.values())

    def count(self, counts: Counts) -> None:
        """Add the rows of a piece, all podcasts as known."""
        self.rows += counts.rows
        self.known += counts.podcasts
        self.music += counts.music
        self.audiobooks += counts.audiobooks
        self.unidentified += counts.unidentified
        self.mended += counts.mended
        for reason, count in counts.bad.items():
            self.bad[reason.value] = self.bad.get(reason.value, 0) + count

    def found_new(self, new: int) -> None:
        """Note that so many of the rows that were counted as known are new."""
        self.new += new
        self.known -= new

    def close(self, report: FileReport) -> None:
        """Note that a file of the archive is done with."""
        self.reported += report.counts.rows
        format_ = None if report.format is None else report.format.value
        fault = None if report.fault is None else report.fault.value
        if fault is not None:
            self.faults[fault] = self.faults.get(fault, 0) + 1
        if format_ is not None:
            self.members_read += 1
            if report.span is not None:
                self.periods.append(Period(format_, report.span.first_s, report.span.last_s))
        if len(self.members) < _MOST_MEMBERS:
            counts = report.counts
            self.members.append(Member(report.name, counts.rows, counts.podcasts, format_, fault))
        for bad in report.bad[: _MOST_MEMBERS - len(self.places)]:
            self.places.append(Place(bad.file, bad.row, bad.reason.value))

    def demand_balance(self) -> None:
        """Check that every row that was read is told of once.

        Raises:
            ImportUnbalanced: It is not.
        """
        counted = self.podcasts + self.skipped
        if self.rows != counted or (self.rows != self.reported and self.refused is None):
            raise ImportUnbalanced(
                f"{self.reported:,} rows were read and {counted:,} are told "
                "of. This is a fault of ours; undo the import and report it."
            )

    def as_json(self) -> str:
        """Return it as it is stored."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Tally":
        """Return what `as_json` made."""
        return _TALLY.decode(text)

    @classmethod
    def sum_of(cls, tallies: Iterable["Tally"]) -> "Tally":
        """Return the sums of several files; what they tell file by file is left out."""
        found = cls()
        for one in tallies:
            for name in _SUMS:
                setattr(found, name, getattr(found, name) + getattr(one, name))
            for reason, count in one.bad.items():
                found.bad[reason] = found.bad.get(reason, 0) + count
            for fault, count in one.faults.items():
                found.faults[fault] = found.faults.get(fault, 0) + count
        return found


_TALLY = msgspec.json.Decoder(Tally)
_SUMS = (
    *("rows", "new", "known", "music", "audiobooks", "unidentified"),
    *("mended", "reported", "members_read"),
)

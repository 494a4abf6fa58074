"""What was found in an archive: rows to keep, and what became of all the others."""

from dataclasses import dataclass, field
from enum import IntFlag

import msgspec

from src.history.archive.reasons import BadRow, FileFault
from src.history.archive.rows import FileFormat


class Flag(IntFlag):
    """What else is known of a play."""

    OFFLINE = 1
    """The device had no connection; its clock told the time."""
    START_TOLD = 2
    """`began_s` is from the file, and not the end less what was heard."""
    VIDEO = 4
    """From a file that Spotify names as one of videos; the rows themselves do not tell."""


class PodcastPlay(msgspec.Struct, frozen=True, gc=False):
    """One podcast row of an export: a stream of one episode.

    Attributes:
        ended_s: Its end in UTC seconds since 1970. Of the account format, the start of the
            minute in which it ended.
        began_s: Its start, likewise; at or before `ended_s`.
        ms: Milliseconds heard, 0 to a week.
        episode_id: Spotify's id of the episode; None in the account format, and in some rows of
            the other.
        show_name: Name of the show at that time, cut at 1,000 characters.
        episode_name: Name of the episode, likewise. Known where `episode_id` is not.
        flags: Sum of `Flag` values.
        n: How many identical rows came before it in the same file; two are identical if end,
            milliseconds and episode (its id, or else both names) are.
    """

    ended_s: int
    began_s: int
    ms: int
    episode_id: str | None
    show_name: str | None
    episode_name: str | None
    flags: int
    n: int


@dataclass(slots=True)
class Counts:
    """What became of rows. `rows` is counted apart from its parts, so that they can be compared.

    `mended` rows are among the others: bytes in them that were no text were replaced.
    """

    rows: int = 0
    podcasts: int = 0
    music: int = 0
    audiobooks: int = 0
    unidentified: int = 0
    bad: dict[BadRow, int] = field(default_factory=dict)
    mended: int = 0

    @property
    def is_balanced(self) -> bool:
        """Whether every row that was read is told of, once."""
        skipped = self.music + self.audiobooks + self.unidentified
        return self.rows == self.podcasts + skipped + sum(self.bad.values())

    def add(self, other: "Counts") -> None:
        """Add the counts of other rows to these."""
        self.rows += other.rows
        self.podcasts += other.podcasts
        self.music += other.music
        self.audiobooks += other.audiobooks
        self.unidentified += other.unidentified
        self.mended += other.mended
        for reason, count in other.bad.items():
            self.bad[reason] = self.bad.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class BadPlace:
    """Where a bad row is: which one of its file, from 1, and what is wrong. Not what it says."""

    file: str
    row: int
    reason: BadRow


@dataclass(frozen=True, slots=True)
class Span:
    """Time from the first to the last row, both included, in UTC seconds since 1970."""

    first_s: int
    last_s: int

    def joined(self, other: "Span | None") -> "Span":
        """Return the shortest span with both in it."""
        if other is None:
            return self
        return Span(min(self.first_s, other.first_s), max(self.last_s, other.last_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of one file: a member of the zip, or the file itself.

    Attributes:
        index: Its place among the files of the archive, from 0.
        name: Its name without what cannot be printed, at most 255 characters.
        format: Which export it is of; None if it is no history, or was not read.
        fault: What kept it from being read, or from being read to its end. Good rows before
            that were kept.
        counts: Of all its rows.
        span: Of all its rows that are not bad, music included; None without any.
        bad: Where the first of its bad rows are, at most 10.
        bytes_read: Length of its text.
    """

    index: int
    name: str
    format: FileFormat | None = None
    fault: FileFault | None = None
    counts: Counts = field(default_factory=Counts)
    span: Span | None = None
    bad: tuple[BadPlace, ...] = ()
    bytes_read: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What about 1 MiB of a file held, cut at a row. A file ends with a batch that has a `report`.

    Attributes:
        index: The file's place among the files of the archive, from 0. To go on after a kill,
            read this file again from its start: `n` needs all of it.
        file: The file's name.
        format: Which export it is of; None if the file was not read.
        plays: Its podcast rows, in order.
        counts: Of the rows in this batch.
        bad: Where some bad rows are; with those of earlier batches at most 10 of a file.
        span: Of the good rows in this batch.
        offset: Bytes of the file's text, as UTF-8, that are dealt with.
        report: All of the file, in its last batch.
    """

    index: int
    file: str
    format: FileFormat | None
    plays: list[PodcastPlay]
    counts: Counts
    bad: tuple[BadPlace, ...]
    span: Span | None
    offset: int
    report: FileReport | None = None

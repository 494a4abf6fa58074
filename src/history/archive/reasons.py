"""Why a row does not count, and why a file was not read, or not to its end."""

from enum import StrEnum


class BadRow(StrEnum):
    """What is wrong with a row that was counted and left out."""

    UNREADABLE = "unreadable"
    """No JSON: broken, cut off, or with a number that is none (NaN)."""
    TOO_LONG = "too_long"
    """A text longer than any row."""
    NOT_A_ROW = "not_a_row"
    """Null, or another value that is no object."""
    WRONG_TYPE = "wrong_type"
    """A field that we need is of another type."""
    NO_TIME = "no_time"
    NO_DURATION = "no_duration"
    BAD_TIME = "bad_time"
    """The time cannot be read as one."""
    TOO_EARLY = "too_early"
    """Before Spotify existed."""
    IN_FUTURE = "in_future"
    """More than a day ahead of our clock."""
    NEGATIVE = "negative_duration"
    ABSURD_DURATION = "absurd_duration"
    """Longer than a week."""


class FileFault(StrEnum):
    """What kept us from reading a file, or from reading all of it."""

    UNSAFE_NAME = "unsafe_name"
    """Absolute, with `..`, a backslash or a NUL: made for other purposes."""
    LINK = "link"
    ENCRYPTED = "encrypted"
    COMPRESSION = "compression"
    """Packed in a way that exports are not; only stored and deflated ones are opened."""
    BOMB = "bomb"
    """Unpacks to far more than it takes up."""
    NESTED = "nested_archive"
    NOT_HISTORY = "not_history"
    """Another part of the export, or no part at all."""
    EMPTY = "empty"
    """Nothing, or a list of nothing."""
    DAMAGED = "damaged"
    """Cannot be unpacked to its end, or is not what the zip's directory says."""
    CUT_SHORT = "cut_short"
    """The list has no end; all whole rows were read."""
    TOO_LARGE = "too_large"
    """The archive unpacks to more than is read of one."""
    TOO_MANY_ROWS = "too_many_rows"


UNSAFE = frozenset(
    {
        FileFault.UNSAFE_NAME,
        FileFault.LINK,
        FileFault.ENCRYPTED,
        FileFault.COMPRESSION,
        FileFault.BOMB,
        FileFault.NESTED,
        FileFault.TOO_LARGE,
    }
)
"""Those that say that a file is not what Spotify sends, rather than broken or beside the point."""


class FileStopped(Exception):
    """A file cannot be read any further; what came before it is good.

    Never leaves this package: the file's report tells the fault.
    """

    def __init__(self, fault: FileFault) -> None:
        super().__init__(fault)
        self.fault = fault

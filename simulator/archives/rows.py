"""One row of a history file, whatever it is of and whichever form it goes to."""

from __future__ import annotations

from typing import NamedTuple

from simulator.archives.defects import Cause


class Title(NamedTuple):
    """What an episode is called.

    Attributes:
        show: Index of its show.
        number: Place in the show, 0 is the oldest.
        uri: `spotify:episode:` and 22 characters, or None where a row lacks it.
        show_name: Title of the show.
        name: Title of the episode.
    """

    show: int
    number: int
    uri: str | None
    show_name: str
    name: str


class Track(NamedTuple):
    """A piece of music."""

    uri: str
    artist: str
    album: str
    name: str


class Chapter(NamedTuple):
    """A chapter of an audiobook."""

    uri: str
    book_uri: str
    author: str
    book: str
    name: str


Content = Title | Track | Chapter | None
"""What a row is of; None for a row that does not say."""


class Row(NamedTuple):
    """One row; fields of the extended form are unused in the account form.

    Attributes:
        content: What it says was heard.
        end_ms: End as it is told, before rounding, ms since 1970.
        ms: Time heard as it is told.
        reason_start: `clickrow`, `playbtn`, `trackdone` or `fwdbtn`.
        reason_end: `trackdone`, `fwdbtn` or `endplay`.
        shuffle: True for music in random order.
        skipped: True when the listener moved on.
        offline: As told; None where a row says null.
        offline_timestamp: As told: seconds, milliseconds, 0 or None.
        video: True for the Video file of the new era.
        device: 0, 1 or 2: which of the listener's devices.
        ordinal: The stream behind it, -1 for music and audiobooks.
        true_ms: What of that stream's time the row stands for.
        causes: Which defects touched it.
    """

    content: Content
    end_ms: int
    ms: int
    reason_start: str
    reason_end: str
    shuffle: bool
    skipped: bool
    offline: bool | None
    offline_timestamp: int | None
    video: bool
    device: int
    ordinal: int = -1
    true_ms: int = 0
    causes: tuple[Cause, ...] = ()

"""Observations: what a source once said about listening, never changed afterwards.

Every row of an export, every difference of a resume point and every look at the player
becomes one. They are only ever added, or removed with the runs that brought them;
events are derived from them.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("6f0c8c1e-2d5b-4d0e-9a53-0d9b1b3c7a10")
"""Namespace of the UUIDv5 of every observation; changing it would break all bookmarks."""

MINUTE_S = 60
"""Seconds that an account row leaves open: it names the minute of its end."""

TOLERANCE_S = 60
"""Seconds by which two records of one end may differ, beyond what their precision allows."""

_LONGEST_STREAM_S = 48 * 3600
_START_SLACK_S = 5
_MILLISECONDS_FROM = 10**11  # no instant in seconds is that large, every recent one in ms is
_HASHED = sha1(NAMESPACE.bytes, usedforsecurity=False)


class Source(StrEnum):
    """Who said it."""

    EXTENDED = "ext"
    """A row of the extended export: exact end, URI, ms."""
    ACCOUNT = "acc"
    """A row of the account export: the minute of the end, names, ms."""
    WINDOW = "win"
    """A resume point that moved between two reads."""
    POLL = "poll"
    """The player, seen playing."""
    GPODDER = "gp"
    """A play reported by another podcast app."""


_EXTENDED = Source.EXTENDED.value


class Flag(IntFlag):
    """What else is known of an observation; stored as an integer."""

    NONE = 0
    AT_LEAST = 1
    """Window: the episode was begun anew in it, so that `ms` is a lower bound."""
    MAPPED = 2
    """gpodder: the user or a GUID says that this is the same episode, so that the play
    may be the listening which other sources tell of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One immutable statement of one source about one episode.

    Attributes:
        source: Who said it.
        episode: Identity of the episode in that source's words, `spotify:<id>` or
            `title:<hash>`; see `src.history.titles`.
        ended_s: End of the listening, UTC epoch seconds. Account rows: start of the
            minute of the end. Windows: the later read. Polls: the instant of the look.
        began_s: Start of the listening, UTC epoch seconds, pauses included. Windows:
            the earlier read. Polls: the instant of the look.
        ms: Milliseconds heard, 0 or more, as the source states them. Polls: 0.
        n: Ordinal, from 0, among rows of one file that are otherwise the same.
        position_ms: Position in the episode at the end, in milliseconds, if told.
        flags: What else is known.
    """

    source: Source
    episode: str
    ended_s: int
    began_s: int
    ms: int
    n: int = 0
    position_ms: int | None = None
    flags: Flag = Flag.NONE

    @property
    def key(self) -> UUID:
        """Name of the observation, the same in every database and at every import.

        UUIDv5 of what makes it distinct: source, episode, end, ms, ordinal and, for a
        window, its start. Start, position and flags of other sources do not count.
        """
        told = f"{self.source} {self.ended_s} {self.ms} {self.n} "
        if self.source is Source.WINDOW:
            told += f"{self.began_s} "
        return UUID(hex=_uuid5_hex(told + self.episode))


def key_of_extended(episode: str, *, ended_s: int, ms: int, n: int) -> str:
    """Return the key of a row of the extended export without making it, as 32 hex digits."""
    return _uuid5_hex(f"{_EXTENDED} {ended_s} {ms} {n} {episode}")


def _uuid5_hex(told: str) -> str:
    """Do what `uuid5` does, at a third of its price."""
    hashed = _HASHED.copy()
    hashed.update(told.encode())
    digits = hashed.hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:12]}5{digits[13:16]}{variant}{digits[17:32]}"


class Ordinals:
    """Tells rows of one file apart that are the same in all they say.

    Two equal rows in one file are two listens; the same row in two files is one. So
    each file counts for itself, from 0, and the store, which keeps a key once, ends up
    with the largest count of any file: in any order, however often it is imported.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, int, int]] = Counter()

    def next(self, episode: str, *, ended_s: int, ms: int) -> int:
        """Return how many such rows this file held before, and count this one."""
        row = (episode, ended_s, ms)
        ordinal = self._seen[row]
        self._seen[row] = ordinal + 1
        return ordinal


def began_of_row(*, ended_s: int, ms: int, offline_timestamp: int | None) -> int:
    """Return when a row of the extended export began, UTC epoch seconds.

    Its `offline_timestamp` is the start of the listening, pauses included, online too,
    if it can be true: at most 48 hours before the end, and leaving time for the ms.
    Otherwise the start is counted back from the end.

    Args:
        ended_s: `ts` of the row, UTC epoch seconds.
        ms: `ms_played`, milliseconds.
        offline_timestamp: As the row has it: seconds, milliseconds, 0 or nothing.
    """
    if offline_timestamp:
        began_s = offline_timestamp
        if began_s > _MILLISECONDS_FROM:
            began_s //= 1000
        wall_s = ended_s - began_s
        if 0 <= wall_s <= _LONGEST_STREAM_S and wall_s * 1000 >= ms - _START_SLACK_S * 1000:
            return began_s
    return ended_s - ms // 1000


def outside_minute_s(ended_s: int, minute_s: int) -> int:
    """Return by how many seconds `ended_s` misses the minute that begins at `minute_s`.

    0 inside it; the sign is dropped, so that early and late weigh the same.
    """
    if ended_s < minute_s:
        return minute_s - ended_s
    return max(0, ended_s - minute_s - MINUTE_S + 1)

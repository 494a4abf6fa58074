"""One listener's plays in compact columns, and what the service makes of them."""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import NamedTuple

from simulator.world.chance import Purpose, mixed
from simulator.world.instants import MINUTE_MS, SECOND_MS

NUMBER_BITS = 20
"""An episode's key is its show times 2^20 plus its number."""

_LEAST_DELAY_MS, _DELAY_SPREAD_MS = 45 * SECOND_MS, 30 * SECOND_MS
_SMALL_REST_S = 20
PAUSE_SHOWN_MS = 12 * MINUTE_MS


class Ending(IntEnum):
    """Why a play ended, as it is kept in a column."""

    FINISHED = 0
    PAUSED = 1
    STOPPED = 2
    SKIPPED = 3


class Entry(NamedTuple):
    """One play, instants in ms since 1970; `seen_ms` is when the service knew."""

    key: int
    start_ms: int
    end_ms: int
    from_ms: int
    to_ms: int
    ending: Ending
    seen_ms: int
    offline: bool


class Diary:
    """Plays in the order they were heard, about 45 bytes each.

    Attributes:
        latest: The newest play of every episode heard, by key.
    """

    def __init__(self, *, seed: int, listener: int) -> None:
        """Open an empty diary for one listener of one seed."""
        self._seed = seed
        self._listener = listener
        self.keys = array("q")
        self.starts = array("q")
        self.ends = array("q")
        self.seen = array("q")
        self.froms = array("i")
        self.tos = array("i")
        self.endings = array("b")
        self.offline = array("b")
        self._earlier = array("i")
        self.latest: dict[int, int] = {}

    def __len__(self) -> int:
        """Return the number of plays."""
        return len(self.keys)

    def add(self, entry: Entry) -> None:
        """Append a play that started after the one before it ended."""
        place = len(self.keys)
        self.keys.append(entry.key)
        self.starts.append(entry.start_ms)
        self.ends.append(entry.end_ms)
        self.seen.append(entry.seen_ms)
        self.froms.append(entry.from_ms)
        self.tos.append(entry.to_ms)
        self.endings.append(entry.ending)
        self.offline.append(entry.offline)
        self._earlier.append(self.latest.get(entry.key, -1))
        self.latest[entry.key] = place

    def online_delay_ms(self) -> int:
        """Return how long after its end the next play becomes visible: about a minute."""
        bits = mixed(self._seed, Purpose.DEFECT, self._listener, len(self.keys))
        return _LEAST_DELAY_MS + bits % _DELAY_SPREAD_MS

    def reconnect(self, first: int, seen_ms: int) -> None:
        """Mark the plays from `first` on as offline, told to the service at `seen_ms`."""
        for place in range(first, len(self.keys)):
            self.seen[place] = seen_ms
            self.offline[place] = True

    def entry(self, place: int) -> Entry:
        """Return the play at `place`, from 0."""
        return Entry(
            key=self.keys[place],
            start_ms=self.starts[place],
            end_ms=self.ends[place],
            from_ms=self.froms[place],
            to_ms=self.tos[place],
            ending=Ending(self.endings[place]),
            seen_ms=self.seen[place],
            offline=bool(self.offline[place]),
        )

    def known(self, key: int, at_ms: int) -> int:
        """Return the newest play of an episode the service knows of, or -1.

        A play reported late never hides a newer one reported before it.
        """
        place = self.latest.get(key, -1)
        while place >= 0 and self.seen[place] > at_ms:
            place = self._earlier[place]
        return place


def rest_ms(seed: int, entry: Entry) -> int:
    """Return the position an episode keeps after a play: whole seconds.

    A finished one keeps 0 in two of three cases, else a few seconds.
    """
    if entry.ending is not Ending.FINISHED:
        return entry.to_ms - entry.to_ms % SECOND_MS
    bits = mixed(seed, Purpose.DEFECT, entry.key, entry.end_ms)
    if bits % 3:
        return 0
    return (1 + (bits >> 8) % _SMALL_REST_S) * SECOND_MS

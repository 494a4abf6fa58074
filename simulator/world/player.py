"""What a listener's player shows: an episode, a pause, an advert or nothing."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from simulator.world.chance import Purpose, mixed, share
from simulator.world.diary import NUMBER_BITS, PAUSE_SHOWN_MS, Diary, Ending, Entry
from simulator.world.instants import DAY_MS, SECOND_MS, from_ms
from simulator.world.types import Playing
from simulator.world.words import DEVICES

if TYPE_CHECKING:
    from collections.abc import Sequence

_ADVERTS = 0.08
_ADVERT_MS = 20 * SECOND_MS


class Player:
    """One listener's player over the plays of a life and those control added."""

    def __init__(self, seed: int, listener: int, *, diary: Diary, added: Sequence[Entry]) -> None:
        """Look at the plays of `listener`; `diary` reaches a minute past any question."""
        self._seed = seed
        self._listener = listener
        self._diary = diary
        self._added = added

    def at(self, at_ms: int) -> Playing | None:
        """Return what shows at an instant; None when idle or without a connection."""
        place = bisect_right(self._diary.starts, at_ms) - 1
        begun = [entry for entry in self._added if entry.start_ms <= at_ms]
        if place >= 0:
            begun.append(self._diary.entry(place))
        entry = max(begun, key=lambda it: it.start_ms, default=None)
        if entry is not None:
            if at_ms < entry.end_ms:
                return self._shown(entry, _progress_ms(entry, at_ms), is_playing=True)
            if entry.ending is Ending.PAUSED and at_ms < entry.end_ms + PAUSE_SHOWN_MS:
                return self._shown(entry, entry.to_ms, is_playing=False)
        return self._advert(place + 1, at_ms, free_ms=entry.end_ms if entry else 0)

    def _shown(self, entry: Entry, progress_ms: int, *, is_playing: bool) -> Playing | None:
        if entry.offline:
            return None
        return Playing(
            show=entry.key >> NUMBER_BITS,
            number=entry.key % (1 << NUMBER_BITS),
            progress_ms=progress_ms,
            is_playing=is_playing,
            started_at=from_ms(entry.start_ms),
            device_name=self._device(entry.start_ms),
            ad=False,
        )

    def _advert(self, place: int, at_ms: int, *, free_ms: int) -> Playing | None:
        """Return the advert before the coming play, if one runs now."""
        if place >= len(self._diary):
            return None
        entry = self._diary.entry(place)
        began_ms = max(entry.start_ms - _ADVERT_MS, free_ms)
        if entry.offline or at_ms < began_ms:
            return None
        if share(self._seed, Purpose.ADVERT, self._listener, entry.start_ms) >= _ADVERTS:
            return None
        return Playing(
            show=entry.key >> NUMBER_BITS,
            number=entry.key % (1 << NUMBER_BITS),
            progress_ms=at_ms - began_ms,
            is_playing=True,
            started_at=from_ms(began_ms),
            device_name=self._device(entry.start_ms),
            ad=True,
        )

    def _device(self, at_ms: int) -> str:
        """Return what this listener plays on that day."""
        day = at_ms // DAY_MS
        return DEVICES[mixed(self._seed, Purpose.DEVICE, self._listener, day) % len(DEVICES)]


def _progress_ms(entry: Entry, at_ms: int) -> int:
    """Return the place reached; a seek happens halfway through the listening."""
    passed_ms, left_ms = at_ms - entry.start_ms, entry.end_ms - at_ms
    if passed_ms <= left_ms:
        return entry.from_ms + passed_ms
    return max(entry.to_ms - left_ms, 0)

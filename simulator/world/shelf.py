"""The single episodes a listener keeps for later."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.world.chance import between, one_of
from simulator.world.instants import HOUR_MS

if TYPE_CHECKING:
    from random import Random

    from simulator.world.picking import Picker

_SAVES_A_DAY = 0.8
_OTHERS_SAVE_A_DAY = 0.03
_TIDY_A_DAY = 0.006
_DROP_WHEN_HEARD = 0.6


class ShelfChange(NamedTuple):
    """An episode was saved (`added`) or removed at an instant, ms since 1970."""

    at_ms: int
    key: int
    added: bool


class Shelf:
    """A listener's saved episodes as the days go by.

    Attributes:
        saver: True for someone who saves many.
        changes: Every change so far, in order of time.
    """

    def __init__(self, *, saver: bool) -> None:
        """Begin with nothing saved."""
        self.saver = saver
        self.changes: list[ShelfChange] = []
        self._kept: list[int] = []

    def live(self, day_end_ms: int, rng: Random, picker: Picker) -> None:
        """Spend the end of a day saving and tidying; `day_end_ms` is in ms since 1970."""
        at_ms = day_end_ms - int(between(rng, 0.01, 0.4) * HOUR_MS)
        if rng.random() < (_SAVES_A_DAY if self.saver else _OTHERS_SAVE_A_DAY):
            key = picker.newest_key(picker.any_show(rng), at_ms)
            if key is not None and key not in self._kept:
                self._kept.append(key)
                self._note(at_ms, key, added=True)
        if rng.random() < _TIDY_A_DAY * len(self._kept):
            self._remove(one_of(rng, self._kept), at_ms)

    def pick(self, rng: Random) -> int | None:
        """Return a saved episode to hear, or None when nothing is saved."""
        return one_of(rng, self._kept) if self._kept else None

    def heard(self, key: int, at_ms: int, rng: Random) -> None:
        """Perhaps take a finished episode off the shelf."""
        if key in self._kept and rng.random() < _DROP_WHEN_HEARD:
            self._remove(key, at_ms)

    def _remove(self, key: int, at_ms: int) -> None:
        self._kept.remove(key)
        self._note(at_ms, key, added=False)

    def _note(self, at_ms: int, key: int, *, added: bool) -> None:
        if self.changes and self.changes[-1].at_ms > at_ms:
            at_ms = self.changes[-1].at_ms + 1
        self.changes.append(ShelfChange(at_ms, key, added))

"""Which episode a listener turns to next."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from simulator.world.diary import NUMBER_BITS, Diary, Ending
from simulator.world.habits import concentration
from simulator.world.instants import DAY_MS, MINUTE_MS, SECOND_MS

if TYPE_CHECKING:
    from random import Random

    from simulator.world.library import Library
    from simulator.world.shelf import Shelf
    from simulator.world.surroundings import Surroundings

Choice = tuple[int, int]
"""Key of an episode and the place to start from, in ms."""

_REPLAY = 0.04
_AT_RANDOM = 0.03
_FROM_SHELF = 0.25
_OUTSIDE_LIBRARY = 0.02
_BACK_CATALOGUE = 0.25
_TRIES = 6
_NEWEST = 20
_FEW = 30
_REMEMBERED_PLAYS = 40
_REMEMBERED_MS = 8 * DAY_MS
_WORTH_RESUMING_MS = 3 * MINUTE_MS
_NUMBER_MASK = (1 << NUMBER_BITS) - 1


class Picker:
    """One listener's choices, made from what was heard and kept before."""

    def __init__(
        self,
        listener: int,
        *,
        surroundings: Surroundings,
        diary: Diary,
        library: Library,
        shelf: Shelf,
    ) -> None:
        """Choose for `listener` from the given memory."""
        self._listener = listener
        self._diary = diary
        self._library = library
        self._shelf = shelf
        self._catalogue = surroundings.catalogue
        self._listeners = surroundings.listeners
        self._cursors: dict[int, int] = {}

    def duration_ms(self, key: int) -> int:
        """Return the length of an episode by its key."""
        return self._catalogue.duration_ms(key >> NUMBER_BITS, key & _NUMBER_MASK)

    def unfinished(self, at_ms: int) -> Choice | None:
        """Return the latest half-heard episode of the past days, if any."""
        diary = self._diary
        size = len(diary)
        for place in range(size - 1, max(size - 1 - _REMEMBERED_PLAYS, -1), -1):
            if at_ms - diary.ends[place] > _REMEMBERED_MS:
                return None
            key, to_ms = diary.keys[place], diary.tos[place]
            if (
                diary.endings[place] != Ending.FINISHED
                and to_ms >= _WORTH_RESUMING_MS
                and diary.latest[key] == place
                and self.duration_ms(key) - to_ms > MINUTE_MS
            ):
                return key, to_ms - to_ms % SECOND_MS
        return None

    def pick(self, rng: Random, at_ms: int) -> Choice | None:
        """Return something to hear from its start, or None when nothing appeals."""
        draw = rng.random()
        if draw < _REPLAY and len(self._diary):
            place = int(rng.random() * len(self._diary))
            return self._diary.keys[place], 0
        if self._shelf.saver and draw > 1 - _FROM_SHELF:
            key = self._shelf.pick(rng)
            if key is not None and key not in self._diary.latest:
                return key, 0
        for _ in range(_TRIES):
            show = self.any_show(rng)
            key = self._of_show(rng, show, at_ms)
            if key is not None:
                return key, 0
        return None

    def next_of_show(self, rng: Random, key: int, at_ms: int) -> Choice | None:
        """Return what follows a finished episode within its show, if anything does."""
        found = self._of_show(rng, key >> NUMBER_BITS, at_ms)
        return None if found is None else (found, 0)

    def any_show(self, rng: Random) -> int:
        """Return a show by the listener's taste: favourites far more often."""
        ranking = self._library.ranking
        if not ranking or rng.random() < _OUTSIDE_LIBRARY:
            return int(rng.random() * self._catalogue.shows)
        place = bisect_right(concentration(len(ranking)), rng.random())
        return ranking[min(place, len(ranking) - 1)]

    def newest_key(self, show: int, at_ms: int) -> int | None:
        """Return the key of a show's newest episode, or None before its first."""
        count = self._catalogue.schedules[show].count(at_ms)
        return (show << NUMBER_BITS) + count - 1 if count else None

    def _of_show(self, rng: Random, show: int, at_ms: int) -> int | None:
        """Return an episode of a show: the newest unheard, or from the back catalogue."""
        count = self._catalogue.schedules[show].count(at_ms)
        if not count:
            return None
        base = show << NUMBER_BITS
        heard = self._diary.latest
        draw = rng.random()
        if draw > 1 - _AT_RANDOM:
            return base + int(rng.random() * count)
        if count > _FEW and self._listeners.catches_up(self._listener, show):
            return self._back_catalogue(show, count)
        for key in range(base + count - 1, max(base + count - 1 - _NEWEST, base - 1), -1):
            if key not in heard:
                return key
        return self._back_catalogue(show, count) if draw < _BACK_CATALOGUE else None

    def _back_catalogue(self, show: int, count: int) -> int | None:
        """Return the next unheard episode upwards from where the listener came in."""
        cursor = self._cursors.get(show)
        if cursor is None:
            cursor = int(self._listeners.entry_point(self._listener, show) * count)
        base, heard = show << NUMBER_BITS, self._diary.latest
        while cursor < count and base + cursor in heard:
            cursor += 1
        self._cursors[show] = cursor
        return base + cursor if cursor < count else None

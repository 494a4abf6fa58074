"""How a listener's days go by: sessions, picks, pauses, seeks and absences.

A life is a fold over local days. Each day draws from a stream of its own, so a
life asked for day by day and one asked for at once are the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from simulator.world.chance import Purpose, bell, between, stream
from simulator.world.diary import Diary, Ending, Entry
from simulator.world.habits import SLOTS
from simulator.world.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from simulator.world.library import plan_library
from simulator.world.picking import Picker
from simulator.world.shelf import Shelf
from simulator.world.surroundings import Surroundings

if TYPE_CHECKING:
    from random import Random

_OFFLINE = 0.06
_OFFLINE_SOON = 0.7
_RESUME = 0.55
_NEXT_OF_SHOW = 0.5
_SAMPLED = 0.11
_GIVEN_UP = 0.08
_SEEK = 0.08
_SEEK_BACK = 0.3
_PAUSE = 0.12
_LONG_ENOUGH_MS = 4 * MINUTE_MS
_PATIENCE_MS = 4 * MINUTE_MS
_LEAST_MS = 20 * SECOND_MS
_LONGEST_SESSION_MIN = 240.0
_FIRST_WEEKEND_DAY = 5
_MONDAY_SHIFT = 3
"""Day 0 of 1970 was a Thursday."""


class Stretch(NamedTuple):
    """A planned stretch of listening, before a pause may cut it in two."""

    key: int
    from_ms: int
    to_ms: int
    heard_ms: int
    ending: Ending


class Life:
    """Everything one listener does, lived as far as anyone has asked.

    Attributes:
        diary: Plays so far.
        library: Saved shows so far.
        shelf: Saved episodes so far.
    """

    def __init__(self, listener: int, surroundings: Surroundings) -> None:
        """Begin the life of `listener` a year, or what the world asks for, before the epoch."""
        seed, listeners = surroundings.seed, surroundings.listeners
        facts = listeners.facts(listener)
        self._seed = seed
        self._listener = listener
        self._epoch_ms = surroundings.epoch_ms
        self._catalogue = surroundings.catalogue
        self._listeners = listeners
        self._slots = SLOTS[facts.kind]
        self._offset_ms = listeners.offset_ms(listener)
        today = (self._epoch_ms + self._offset_ms) // DAY_MS
        self._next_day = today - surroundings.history_days
        self._free_ms = 0
        self.diary = Diary(seed=seed, listener=listener)
        self.shelf = Shelf(saver=facts.saver)
        self.library = plan_library(
            seed=seed,
            listener=listener,
            size=surroundings.library_size,
            epoch_ms=self._epoch_ms,
            catalogue=self._catalogue,
            history_days=surroundings.history_days,
        )
        self._picker = Picker(
            listener,
            surroundings=surroundings,
            diary=self.diary,
            library=self.library,
            shelf=self.shelf,
        )

    def live_until(self, at_ms: int) -> None:
        """Live through the local day that holds `at_ms`; days gone by stay as they are."""
        last = (at_ms + self._offset_ms) // DAY_MS
        while self._next_day <= last:
            self._live(self._next_day)
            self._next_day += 1

    def _live(self, day: int) -> None:
        """Live one local day: sessions first, then the evening's tidying."""
        rng = stream(self._seed, Purpose.DAY, self._listener, day)
        start_ms = day * DAY_MS - self._offset_ms
        if not self._listeners.away(self._listener, day):
            weekend = (day + _MONDAY_SHIFT) % 7 >= _FIRST_WEEKEND_DAY
            for slot in self._slots:
                if rng.random() < (slot.weekend if weekend else slot.weekday):
                    hour = slot.hour + slot.spread_h * bell(rng)
                    minutes = min(slot.minutes * math.exp(0.45 * bell(rng)), _LONGEST_SESSION_MIN)
                    begin_ms = max(start_ms + int(hour * HOUR_MS), self._free_ms)
                    self._listen(rng, begin_ms, begin_ms + int(minutes * MINUTE_MS))
            self.shelf.live(start_ms + DAY_MS, rng, self._picker)
        end_ms = start_ms + DAY_MS
        self.library.live(end_ms, rng, self._catalogue, planned=end_ms <= self._epoch_ms)

    def _listen(self, rng: Random, at_ms: int, end_ms: int) -> None:
        """Live one session, from `at_ms` to about `end_ms`."""
        offline = rng.random() < _OFFLINE
        first = len(self.diary)
        choice = self._picker.unfinished(at_ms) if rng.random() < _RESUME else None
        while at_ms < end_ms:
            choice = choice or self._picker.pick(rng, at_ms)
            if choice is None:
                break
            stretch = self._stretch(rng, key=choice[0], from_ms=choice[1], left_ms=end_ms - at_ms)
            at_ms = self._hear(rng, stretch, at_ms)
            choice = None
            if stretch.ending is Ending.FINISHED:
                self.shelf.heard(stretch.key, at_ms, rng)
                if rng.random() < _NEXT_OF_SHOW:
                    choice = self._picker.next_of_show(rng, stretch.key, at_ms)
            at_ms += int(between(rng, 2, 40) * SECOND_MS)
        if len(self.diary) == first:
            return
        self._free_ms = self.diary.ends[-1] + MINUTE_MS
        if offline:
            mean_h = 0.5 if rng.random() < _OFFLINE_SOON else 8.0
            wait_ms = int(-mean_h * HOUR_MS * math.log(1.0 - rng.random()))
            self.diary.reconnect(first, self._free_ms + wait_ms)

    def _stretch(self, rng: Random, *, key: int, from_ms: int, left_ms: int) -> Stretch:
        """Decide how much of an episode is heard, and how it ends."""
        duration_ms = self._picker.duration_ms(key)
        remaining_ms = duration_ms - from_ms
        draw = rng.random()
        ending, heard_ms = Ending.FINISHED, remaining_ms
        if draw < _SAMPLED:
            ending, heard_ms = Ending.SKIPPED, int(between(rng, 12, 170) * SECOND_MS)
        elif draw < _SAMPLED + _GIVEN_UP:
            ending, heard_ms = Ending.SKIPPED, int(remaining_ms * between(rng, 0.1, 0.9))
        if heard_ms > left_ms + _PATIENCE_MS:
            ending, heard_ms = Ending.STOPPED, max(left_ms, _LEAST_MS)
        if heard_ms >= remaining_ms:
            ending, heard_ms = Ending.FINISHED, remaining_ms
        to_ms = from_ms + heard_ms
        if rng.random() < _SEEK and heard_ms > _LONG_ENOUGH_MS:
            jump_ms = int(between(rng, 15, 180) * SECOND_MS)
            if rng.random() < _SEEK_BACK:
                jump_ms = -jump_ms
            if ending is Ending.FINISHED:
                heard_ms -= jump_ms
            else:
                to_ms = min(to_ms + jump_ms, duration_ms - SECOND_MS)
        return Stretch(key, from_ms, to_ms, heard_ms, ending)

    def _hear(self, rng: Random, stretch: Stretch, at_ms: int) -> int:
        """Write a stretch down, in two plays if it is paused; return when it ended."""
        heard_ms, from_ms = stretch.heard_ms, stretch.from_ms
        if rng.random() < _PAUSE and heard_ms > _LONG_ENOUGH_MS:
            cut_ms = int(min(heard_ms, stretch.to_ms - from_ms) * between(rng, 0.2, 0.8))
            cut_ms -= cut_ms % SECOND_MS
            middle_ms = from_ms + cut_ms
            self._note(Stretch(stretch.key, from_ms, middle_ms, cut_ms, Ending.PAUSED), at_ms)
            at_ms += cut_ms + int(between(rng, 20, 660) * SECOND_MS)
            stretch = stretch._replace(from_ms=middle_ms, heard_ms=heard_ms - cut_ms)
        self._note(stretch, at_ms)
        return at_ms + stretch.heard_ms

    def _note(self, stretch: Stretch, at_ms: int) -> None:
        """Write down one play that began at `at_ms`."""
        end_ms = at_ms + stretch.heard_ms
        self.diary.add(
            Entry(
                key=stretch.key,
                start_ms=at_ms,
                end_ms=end_ms,
                from_ms=stretch.from_ms,
                to_ms=stretch.to_ms,
                ending=stretch.ending,
                seen_ms=end_ms + self.diary.online_delay_ms(),
                offline=False,
            )
        )

"""What listeners keep: a library that grows, shrinks and sees shows return."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from simulator.world.chance import Purpose, between, one_of, stream
from simulator.world.instants import DAY_MS

if TYPE_CHECKING:
    from random import Random

    from simulator.world.catalogue import Catalogue

HISTORY_DAYS = 365
"""Days of listening behind every listener at the epoch, unless a world asks for more."""

_USUAL_EPISODES_PER_SHOW = 200
_TRIES = 48
_LONG_SAVED = 0.7
_OLDEST_SAVE_DAYS = 5 * 365
_FORMER = 0.15
_ADD_CHANCE = 0.035
_RETURN_CHANCE = 0.015
_DROP_CHANCE = 0.05
_MOVE_CHANCE = 0.02


class Change(NamedTuple):
    """A show entered (`added`) or left a library at an instant, ms since 1970."""

    at_ms: int
    show: int
    added: bool


@dataclass(slots=True)
class Library:
    """A listener's saved shows as the days go by.

    Attributes:
        size: Shows it holds at the epoch.
        changes: Every change up to the last day lived, in order.
        ranking: Saved shows, the favourite first.
        former: Shows saved once and dropped, the latest last.
    """

    size: int
    changes: list[Change]
    ranking: list[int] = field(default_factory=list)
    former: list[int] = field(default_factory=list)
    _coming: list[Change] = field(default_factory=list)

    def live(self, day_end_ms: int, rng: Random, catalogue: Catalogue, *, planned: bool) -> None:
        """Let one day pass; `planned` days follow the plan that leads to the epoch.

        Args:
            day_end_ms: End of the listener's day.
            rng: The stream of that day.
            catalogue: Where new shows are found.
            planned: True before the epoch.
        """
        while self._coming and self._coming[-1].at_ms < day_end_ms:
            self._apply(self._coming.pop(), rng)
        if rng.random() < _MOVE_CHANCE and self.ranking:
            show = self.ranking.pop(int(rng.random() * len(self.ranking)))
            self._rank(show, rng)
        if planned:
            return
        at_ms = day_end_ms - int(between(rng, 2, 16) * DAY_MS / 24)
        draw = rng.random()
        if draw < _ADD_CHANCE:
            show = int(rng.random() * catalogue.shows)
            if show not in self.ranking and catalogue.schedules[show].start_ms < at_ms:
                self._apply(Change(at_ms, show, added=True), rng)
        elif draw < _ADD_CHANCE + _RETURN_CHANCE:
            if self.former:
                self._apply(Change(at_ms, one_of(rng, self.former), added=True), rng)
        elif draw > 1 - _DROP_CHANCE * len(self.ranking) / max(self.size, 1):
            place = int(math.sqrt(rng.random()) * len(self.ranking))
            self._apply(Change(at_ms, self.ranking[place], added=False), rng)

    def _apply(self, change: Change, rng: Random) -> None:
        """Carry out a change and remember it."""
        self.changes.append(change)
        if not change.added:
            self.ranking.remove(change.show)
            self.former.append(change.show)
            return
        if change.show in self.former:
            self.former.remove(change.show)
        self._rank(change.show, rng)

    def _rank(self, show: int, rng: Random) -> None:
        """Place a show anywhere among the others."""
        self.ranking.insert(int(rng.random() * (len(self.ranking) + 1)), show)


def plan_library(
    *,
    seed: int,
    listener: int,
    size: int,
    epoch_ms: int,
    catalogue: Catalogue,
    history_days: int = HISTORY_DAYS,
) -> Library:
    """Return a listener's library at the start of the history, with its plan to the epoch.

    Args:
        seed: Seed of the world.
        listener: Index of the listener.
        size: Shows saved at the epoch, as far as the catalogue has them.
        epoch_ms: The epoch in ms since 1970.
        catalogue: The shows to choose from.
        history_days: How long before the epoch the plan begins.

    Returns:
        A library whose planned days end with exactly `size` shows, together
        about 200 episodes for each.
    """
    rng = stream(seed, Purpose.LIBRARY, listener)
    history_ms = epoch_ms - history_days * DAY_MS
    chosen, rest = _usual_choice(rng, size=size, epoch_ms=epoch_ms, catalogue=catalogue)
    past: list[Change] = []
    coming: list[Change] = []
    for show in chosen:
        start_ms = catalogue.schedules[show].start_ms
        long_saved = start_ms < history_ms and rng.random() < _LONG_SAVED
        low = max(start_ms, history_ms - _OLDEST_SAVE_DAYS * DAY_MS if long_saved else history_ms)
        high = history_ms if long_saved else epoch_ms - 2 * DAY_MS
        at_ms = int(between(rng, min(low, high), high))
        (past if long_saved else coming).append(Change(at_ms, show, added=True))
    for show in rest[: int(size * _FORMER)]:
        start_ms = catalogue.schedules[show].start_ms
        if start_ms < history_ms:
            at_ms = int(between(rng, history_ms - 365 * DAY_MS, history_ms))
            past.append(Change(max(at_ms, start_ms), show, added=True))
            left_ms = int(between(rng, history_ms + DAY_MS, epoch_ms - 2 * DAY_MS))
            coming.append(Change(left_ms, show, added=False))
    library = Library(size=size, changes=[])
    for change in sorted(past):
        library._apply(change, rng)  # noqa: SLF001 - its own factory
    library._coming = sorted(coming, reverse=True)  # noqa: SLF001 - as above
    return library


def _usual_choice(
    rng: Random, *, size: int, epoch_ms: int, catalogue: Catalogue
) -> tuple[list[int], list[int]]:
    """Of several random libraries take the one of the most usual size; return the rest too."""
    best: list[int] = []
    best_gap = math.inf
    size = min(size, catalogue.shows)
    counts = [schedule.count(epoch_ms) for schedule in catalogue.schedules]
    for _ in range(_TRIES):
        candidate = _sample(rng, size, catalogue.shows)
        gap = abs(sum(counts[show] for show in candidate) - _USUAL_EPISODES_PER_SHOW * size)
        if gap < best_gap:
            best, best_gap = candidate, gap
    taken = set(best)
    others = _sample(rng, catalogue.shows, catalogue.shows)
    return best, [show for show in others if show not in taken]


def _sample(rng: Random, size: int, population: int) -> list[int]:
    """Return `size` different numbers below `population`, in random order."""
    pool = list(range(population))
    for place in range(size):
        other = place + int(rng.random() * (population - place))
        pool[place], pool[other] = pool[other], pool[place]
    return pool[:size]

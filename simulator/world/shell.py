"""What control adds to a world: saves, plays and withdrawals laid over the pure part."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.world.diary import NUMBER_BITS, Entry
from simulator.world.library import Change
from simulator.world.shelf import ShelfChange

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Additions:
    """What control did to one listener, each list in order of time."""

    shows: list[Change] = field(default_factory=list)
    episodes: list[ShelfChange] = field(default_factory=list)
    plays: list[Entry] = field(default_factory=list)


class Shell:
    """Every change control has made to one world."""

    def __init__(self) -> None:
        """Begin with a world nobody has touched."""
        self._additions: dict[int, Additions] = {}
        self._withdrawn_shows: dict[int, int] = {}
        self._withdrawn_episodes: dict[int, dict[int, int]] = {}

    def of(self, listener: int) -> Additions:
        """Return what was added to a listener; empty if nothing was."""
        return self._additions.get(listener, _NOTHING)

    def change_show(self, listener: int, change: Change) -> None:
        """Save or remove a show; the latest change of a show wins."""
        insort(self._touched(listener).shows, change, key=_at)

    def change_episode(self, listener: int, change: ShelfChange) -> None:
        """Save or remove an episode; the latest change of an episode wins."""
        insort(self._touched(listener).episodes, change, key=_at)

    def add_play(self, listener: int, entry: Entry) -> None:
        """Add a play to what the listener really heard."""
        insort(self._touched(listener).plays, entry, key=_end)

    def withdraw_show(self, show: int, at_ms: int) -> None:
        """Take a show away from `at_ms` on."""
        self._withdrawn_shows[show] = min(at_ms, self._withdrawn_shows.get(show, at_ms))

    def withdraw_episode(self, show: int, number: int, at_ms: int) -> None:
        """Take an episode away from `at_ms` on."""
        gone = self._withdrawn_episodes.setdefault(show, {})
        gone[number] = min(at_ms, gone.get(number, at_ms))

    def show_gone(self, show: int, at_ms: int) -> bool:
        """Tell whether a show is withdrawn at an instant."""
        since = self._withdrawn_shows.get(show)
        return since is not None and since <= at_ms

    def gone_numbers(self, show: int, at_ms: int) -> frozenset[int]:
        """Return the episodes of a show that are withdrawn at an instant."""
        gone = self._withdrawn_episodes.get(show)
        if not gone:
            return frozenset()
        return frozenset(number for number, since in gone.items() if since <= at_ms)

    def episode_gone(self, key: int, at_ms: int) -> bool:
        """Tell whether an episode, or its whole show, is withdrawn at an instant."""
        if not self._withdrawn_shows and not self._withdrawn_episodes:
            return False
        show, number = divmod(key, 1 << NUMBER_BITS)
        since = self._withdrawn_episodes.get(show, {}).get(number)
        return self.show_gone(show, at_ms) or (since is not None and since <= at_ms)

    def _touched(self, listener: int) -> Additions:
        return self._additions.setdefault(listener, Additions())


_NOTHING = Additions()


def _at(change: tuple[int, int, bool]) -> int:
    return change[0]


def _end(entry: Entry) -> int:
    return entry.end_ms


def kept_at(changes: Iterable[tuple[int, int, bool]], at_ms: int) -> dict[int, int]:
    """Return what is kept at an instant and since when, from changes in order of time.

    Args:
        changes: (instant in ms, thing, added or removed), any number of a thing.
        at_ms: The instant, ms since 1970.
    """
    kept: dict[int, int] = {}
    for changed_ms, thing, added in changes:
        if changed_ms > at_ms:
            break
        if not added:
            kept.pop(thing, None)
        elif thing not in kept:
            kept[thing] = changed_ms
    return kept

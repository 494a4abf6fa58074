"""A world that control can touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.world import instants
from simulator.world.diary import NUMBER_BITS, Ending, Entry
from simulator.world.library import Change
from simulator.world.shelf import ShelfChange
from simulator.world.still import StillWorld
from simulator.world.types import UnknownThing

if TYPE_CHECKING:
    from datetime import datetime

_VISIBLE_AFTER_MS = instants.MINUTE_MS


class World(StillWorld):
    """Shows that publish and listeners with habits, repeatable from a seed.

    To every question it answers as `StillWorld` does. The methods here add to one
    listener, show or episode; listeners never react, so whatever else the world
    says stays what it was. Each raises `UnknownThing` for a stranger.
    """

    def save_show(self, listener: int, show: int, at: datetime) -> None:
        """Save a show; saving a saved one changes nothing."""
        self._change_show(listener, show, at, added=True)

    def remove_show(self, listener: int, show: int, at: datetime) -> None:
        """Remove a show from a library; removing one that is not there changes nothing."""
        self._change_show(listener, show, at, added=False)

    def save_episode(self, listener: int, show: int, number: int, at: datetime) -> None:
        """Save an episode; saving a saved one changes nothing."""
        self._change_episode(listener, self._key(show, number), at, added=True)

    def remove_episode(self, listener: int, show: int, number: int, at: datetime) -> None:
        """Remove a saved episode; removing one that is not there changes nothing."""
        self._change_episode(listener, self._key(show, number), at, added=False)

    def add_play(
        self, listener: int, show: int, number: int, *, at: datetime, from_ms: int, to_ms: int
    ) -> None:
        """Let a listener hear an episode from one place to another, without a seek.

        The service sees it one minute after its end.

        Args:
            listener: Who hears it.
            show: Index of the show.
            number: Episode within the show.
            at: When it begins.
            from_ms: Place in the episode at the start, at least 0.
            to_ms: Place at the end; the end of the episode finishes it.

        Raises:
            ValueError: The places are not 0 <= from_ms < to_ms <= length.
            UnknownThing: No such episode, or it is not out by then.
        """
        self.listener(listener)
        duration_ms = self.episode(show, number).duration_ms
        if not self.episode_exists(show, number, at):
            raise UnknownThing(f"episode {number} of show {show} is not out at {at}")
        if not 0 <= from_ms < to_ms <= duration_ms:
            raise ValueError(f"hear from 0 up to {duration_ms} ms, not {from_ms} to {to_ms}")
        start_ms = instants.to_ms(at)
        end_ms = start_ms + to_ms - from_ms
        entry = Entry(
            key=self._key(show, number),
            start_ms=start_ms,
            end_ms=end_ms,
            from_ms=from_ms,
            to_ms=to_ms,
            ending=Ending.FINISHED if to_ms == duration_ms else Ending.STOPPED,
            seen_ms=end_ms + _VISIBLE_AFTER_MS,
            offline=False,
        )
        self._shell.add_play(listener, entry)

    def withdraw_show(self, show: int, at: datetime) -> None:
        """Let a publisher delete a show: gone from libraries and lists from `at` on."""
        self.show(show)
        self._shell.withdraw_show(show, instants.to_ms(at))

    def withdraw_episode(self, show: int, number: int, at: datetime) -> None:
        """Let a publisher delete an episode: its show lists one less from `at` on.

        Where it is saved, a tombstone stays.
        """
        self._key(show, number)
        self._shell.withdraw_episode(show, number, instants.to_ms(at))

    def _change_show(self, listener: int, show: int, at: datetime, *, added: bool) -> None:
        self.listener(listener)
        self.show(show)
        self._shell.change_show(listener, Change(instants.to_ms(at), show, added))

    def _change_episode(self, listener: int, key: int, at: datetime, *, added: bool) -> None:
        self.listener(listener)
        self._shell.change_episode(listener, ShelfChange(instants.to_ms(at), key, added))

    def _key(self, show: int, number: int) -> int:
        """Return the key of an episode the show publishes some day."""
        self.episode(show, number)
        return (show << NUMBER_BITS) + number

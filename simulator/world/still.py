"""The world at an instant: what exists, what is kept, what was heard.

Everything here is a function of (seed, instant), plus what control added to the
shell. Questions never change an answer, whatever their order.
"""

from __future__ import annotations

from bisect import bisect_left
from heapq import merge
from typing import TYPE_CHECKING

from simulator.world.catalogue import Catalogue
from simulator.world.chance import Purpose, share
from simulator.world.diary import NUMBER_BITS, Ending, Entry, rest_ms
from simulator.world.habits import Listeners
from simulator.world.instants import MINUTE_MS, from_ms, to_ms
from simulator.world.library import HISTORY_DAYS
from simulator.world.listening import Life
from simulator.world.player import Player
from simulator.world.shell import Shell, kept_at
from simulator.world.surroundings import Surroundings
from simulator.world.types import (
    EpisodeFacts,
    ListenerFacts,
    Play,
    Playing,
    Reason,
    ResumePoint,
    SavedEpisode,
    SavedShow,
    ShowFacts,
    UnknownThing,
)

if TYPE_CHECKING:
    from datetime import datetime

_TOMBSTONES = 0.01
_UNHEARD = ResumePoint(fully_played=False, position_ms=0)
_REASONS = {
    Ending.FINISHED: Reason.FINISHED,
    Ending.PAUSED: Reason.PAUSED,
    Ending.STOPPED: Reason.STOPPED,
    Ending.SKIPPED: Reason.SKIPPED,
}


class StillWorld:
    """Shows that publish and listeners with habits, repeatable from a seed.

    Args:
        seed: Any integer; another seed is another world.
        epoch: Aware instant at which listeners have their usual libraries and
            `history_days` of listening behind them.
        shows: Shows in the catalogue, at least 1.
        listeners: Listeners, at least 0.
        shows_per_listener: Shows saved by each listener at the epoch.
        history_days: How long everyone has listened at the epoch, at least 1;
            another length is another past, so keep to one in a world.

    Every method that takes an instant raises `ValueError` for one without time
    zone, and every one that takes an index raises `UnknownThing` for a stranger.
    """

    def __init__(
        self,
        seed: int,
        *,
        epoch: datetime,
        shows: int = 400,
        listeners: int = 5,
        shows_per_listener: int = 40,
        history_days: int = HISTORY_DAYS,
    ) -> None:
        self.seed = seed
        self.epoch = epoch
        self.shows = shows
        self.listeners = listeners
        epoch_ms = to_ms(epoch)
        self._catalogue = Catalogue(seed=seed, epoch_ms=epoch_ms, shows=shows)
        self._listeners = Listeners(seed=seed, count=listeners)
        self._surroundings = Surroundings(
            seed=seed,
            epoch_ms=epoch_ms,
            library_size=shows_per_listener,
            catalogue=self._catalogue,
            listeners=self._listeners,
            history_days=history_days,
        )
        self._lives: dict[int, Life] = {}
        self._shell = Shell()

    # Shows and episodes

    def show(self, index: int) -> ShowFacts:
        """Return the facts of a show, from 0; they never change."""
        return self._catalogue.show(index)

    def show_by_id(self, show_id: str) -> int | None:
        """Return the index of a show by its identifier, or None if it is not ours."""
        return self._catalogue.show_index(show_id)

    def show_exists(self, show: int, at: datetime) -> bool:
        """Tell whether a show has begun and is not withdrawn at an instant."""
        at_ms = to_ms(at)
        begun = self.show(show).started_at <= at
        return begun and not self._shell.show_gone(show, at_ms)

    def episode_count(self, show: int, at: datetime) -> int:
        """Return how many episodes a show lists at an instant, withdrawn ones left out."""
        at_ms = to_ms(at)
        count = self._published(show, at_ms)
        if self._shell.show_gone(show, at_ms):
            return 0
        return count - sum(number < count for number in self._shell.gone_numbers(show, at_ms))

    def episode_numbers(self, show: int, at: datetime, *, offset: int, limit: int) -> list[int]:
        """Return one page of a show's list, in the order the show keeps.

        Args:
            show: Index of the show.
            at: The instant.
            offset: Episodes to leave out from the top, at least 0.
            limit: Most episodes to return, at least 0.
        """
        at_ms = to_ms(at)
        count = self._published(show, at_ms)
        if self._shell.show_gone(show, at_ms):
            return []
        order = range(count) if self._catalogue.oldest_first(show) else range(count - 1, -1, -1)
        gone = self._shell.gone_numbers(show, at_ms)
        if gone:
            return [number for number in order if number not in gone][offset : offset + limit]
        return list(order[offset : offset + limit])

    def episode(self, show: int, number: int) -> EpisodeFacts:
        """Return the facts of an episode, 0 being the oldest; they never change."""
        return self._catalogue.episode(show, number)

    def episode_by_id(self, episode_id: str) -> tuple[int, int] | None:
        """Return (show, number) by identifier, or None if it is never one of ours.

        It may lie in the future or be withdrawn: see `episode_exists`.
        """
        return self._catalogue.episode_key(episode_id)

    def episode_exists(self, show: int, number: int, at: datetime) -> bool:
        """Tell whether an episode is out, and not withdrawn, at an instant."""
        at_ms = to_ms(at)
        out = 0 <= number < self._published(show, at_ms)
        return out and not self._shell.episode_gone((show << NUMBER_BITS) + number, at_ms)

    # Listeners

    def listener(self, index: int) -> ListenerFacts:
        """Return the facts of a listener, from 0; they never change."""
        return self._listeners.facts(index)

    def listener_by_id(self, listener_id: str) -> int | None:
        """Return the index of a listener by user identifier, or None if it is not ours."""
        return self._listeners.index(listener_id)

    def saved_shows(self, listener: int, at: datetime) -> list[SavedShow]:
        """Return a listener's saved shows at an instant, the latest save first."""
        at_ms = to_ms(at)
        changes = self._life(listener, at_ms).library.changes
        kept = kept_at(merge(changes, self._shell.of(listener).shows), at_ms)
        return [
            SavedShow(show, from_ms(since))
            for show, since in sorted(kept.items(), key=lambda item: (-item[1], item[0]))
            if not self._shell.show_gone(show, at_ms)
        ]

    def saved_episodes(self, listener: int, at: datetime) -> list[SavedEpisode]:
        """Return a listener's saved episodes at an instant, the latest save first."""
        at_ms = to_ms(at)
        changes = self._life(listener, at_ms).shelf.changes
        kept = kept_at(merge(changes, self._shell.of(listener).episodes), at_ms)
        return [
            SavedEpisode(
                show=key >> NUMBER_BITS,
                number=key % (1 << NUMBER_BITS),
                added_at=from_ms(since),
                tombstone=self._is_dead(key, at_ms),
            )
            for key, since in sorted(kept.items(), key=lambda item: (-item[1], item[0]))
        ]

    def resume_point(self, listener: int, show: int, number: int, at: datetime) -> ResumePoint:
        """Return what the service knows of a listener and an episode at an instant.

        A play shows about a minute after its end, an offline one when the device
        finds a connection; a replay replaces what an earlier play left.
        """
        at_ms = to_ms(at)
        if not self._catalogue.exists(show, number):
            raise UnknownThing(f"show {show} never publishes an episode {number}")
        key = (show << NUMBER_BITS) + number
        diary = self._life(listener, at_ms).diary
        place = diary.known(key, at_ms)
        entry = diary.entry(place) if place >= 0 else None
        for added in self._shell.of(listener).plays:
            if added.key == key and added.seen_ms <= at_ms:
                entry = added if entry is None else max(entry, added, key=lambda it: it.end_ms)
        if entry is None:
            return _UNHEARD
        return ResumePoint(entry.ending is Ending.FINISHED, rest_ms(self.seed, entry))

    def playing(self, listener: int, at: datetime) -> Playing | None:
        """Return what a listener's player shows at an instant; None when idle or offline."""
        at_ms = to_ms(at)
        life = self._life(listener, at_ms + MINUTE_MS)
        player = Player(self.seed, listener, diary=life.diary, added=self._shell.of(listener).plays)
        return player.at(at_ms)

    def plays(self, listener: int, since: datetime, until: datetime) -> list[Play]:
        """Return the truth: plays that ended in [since, until), in order of their end.

        A play of an episode withdrawn before it began did not happen.
        """
        since_ms, until_ms = to_ms(since), to_ms(until)
        diary = self._life(listener, until_ms).diary
        first, last = bisect_left(diary.ends, since_ms), bisect_left(diary.ends, until_ms)
        own = (diary.entry(place) for place in range(first, last))
        added = (it for it in self._shell.of(listener).plays if since_ms <= it.end_ms < until_ms)
        return [
            _as_play(listener, entry)
            for entry in merge(own, added, key=lambda it: it.end_ms)
            if not self._shell.episode_gone(entry.key, entry.start_ms)
        ]

    # What the questions share

    def _life(self, listener: int, at_ms: int) -> Life:
        """Return a listener's life, lived through `at_ms`."""
        life = self._lives.get(listener)
        if life is None:
            life = self._lives[listener] = Life(listener, self._surroundings)
        life.live_until(at_ms)
        return life

    def _published(self, show: int, at_ms: int) -> int:
        """Return how many episodes a show has published, withdrawn ones too."""
        if not 0 <= show < self.shows:
            raise UnknownThing(f"no show {show} in a world of {self.shows}")
        return self._catalogue.schedules[show].count(at_ms)

    def _is_dead(self, key: int, at_ms: int) -> bool:
        lost = share(self.seed, Purpose.TOMBSTONE, key) < _TOMBSTONES
        return lost or self._shell.episode_gone(key, at_ms)


def _as_play(listener: int, entry: Entry) -> Play:
    show, number = divmod(entry.key, 1 << NUMBER_BITS)
    return Play(
        listener=listener,
        show=show,
        number=number,
        started_at=from_ms(entry.start_ms),
        ended_at=from_ms(entry.end_ms),
        from_ms=entry.from_ms,
        to_ms=entry.to_ms,
        heard_ms=entry.end_ms - entry.start_ms,
        finished=entry.ending is Ending.FINISHED,
        reason=_REASONS[entry.ending],
        offline_seen_at=from_ms(entry.seen_ms) if entry.offline else None,
    )

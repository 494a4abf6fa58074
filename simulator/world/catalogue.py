"""The shows of the world and their episodes, made when asked for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from simulator.world import names
from simulator.world.chance import Purpose, bell, between, mixed, one_of, stream
from simulator.world.ids import Identifiers, IdKind
from simulator.world.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_ms
from simulator.world.publishing import CYCLES, Schedule
from simulator.world.types import (
    DatePrecision,
    EpisodeFacts,
    MediaType,
    Rhythm,
    ShowFacts,
    UnknownThing,
)
from simulator.world.words import LANGUAGES

if TYPE_CHECKING:
    from random import Random

MAX_EPISODES = 1 << 16
"""No show ever publishes more; the last one still has a date that fits a calendar."""

_RHYTHM_SHARES = (
    (Rhythm.DAILY, 0.10, 420.0),
    (Rhythm.SEVERAL_WEEKLY, 0.10, 250.0),
    (Rhythm.WEEKLY, 0.38, 140.0),
    (Rhythm.FORTNIGHTLY, 0.11, 80.0),
    (Rhythm.MONTHLY, 0.08, 50.0),
    (Rhythm.SEASONAL, 0.08, 60.0),
    (Rhythm.DEAD, 0.15, 90.0),
)
"""Rhythm, share of shows, median episodes at the epoch."""

_SIZE_SPREAD = 0.75
_MOST_AT_EPOCH = 2_500
_LONGEST_LIFE_MS = 12 * 365 * DAY_MS
_EXPLICIT = 0.07
_EMPTY_TEXT = 0.02
_VAGUE_DATE = 0.02
_SHORTEST_MS, _LONGEST_MS = 2 * MINUTE_MS, 4 * HOUR_MS


class Catalogue:
    """Every show and episode of one seed."""

    def __init__(self, *, seed: int, epoch_ms: int, shows: int) -> None:
        """Prepare `shows` shows whose catalogues have their usual size at the epoch."""
        self.shows = shows
        self._seed = seed
        self._ids = Identifiers(seed)
        self._name_offset = mixed(seed, Purpose.SHOW, 0) % 25_600
        plans = [self._plan(index, epoch_ms) for index in range(shows)]
        self.rhythms = [rhythm for rhythm, _ in plans]
        self.schedules = [schedule for _, schedule in plans]
        self._lengths = [self._usual_length(index) for index in range(shows)]
        self.show = lru_cache(maxsize=4_096)(self._show)
        self.episode = lru_cache(maxsize=4_096)(self._episode)

    def show_index(self, show_id: str) -> int | None:
        """Return the index behind a show's identifier, or None if it is not ours."""
        found = self._ids.decode(IdKind.SHOW, show_id)
        return found[0] if found and found[0] < self.shows else None

    def episode_key(self, episode_id: str) -> tuple[int, int] | None:
        """Return (show, number) behind an identifier, or None if it is not ours."""
        found = self._ids.decode(IdKind.EPISODE, episode_id)
        if found is None or found[0] >= self.shows or not self.exists(*found):
            return None
        return found

    def exists(self, show: int, number: int) -> bool:
        """Tell whether the episode is ever published."""
        if not (0 <= show < self.shows and 0 <= number < MAX_EPISODES):
            return False
        last = self.schedules[show].last
        return last is None or number < last

    def duration_ms(self, show: int, number: int) -> int:
        """Return an episode's length: around the show's usual one, never whole minutes."""
        bits = mixed(self._seed, Purpose.DURATION, show, number)
        stretch = 0.7 + 0.3 * ((bits & 0xFFFF) + (bits >> 16 & 0xFFFF)) / 0xFFFF
        length = int(self._lengths[show] * stretch) + (bits >> 32) % SECOND_MS
        return min(max(length, _SHORTEST_MS), _LONGEST_MS)

    def _plan(self, index: int, epoch_ms: int) -> tuple[Rhythm, Schedule]:
        """Draw a show's rhythm and place its start so that it has its usual size."""
        rng = stream(self._seed, Purpose.SHOW, index, 1)
        rhythm, median = _rhythm(rng.random())
        size = min(median * math.exp(_SIZE_SPREAD * bell(rng)), _MOST_AT_EPOCH)
        cycle = CYCLES[rhythm]
        age_ms = min(size * cycle.length_ms / len(cycle.slots_ms), _LONGEST_LIFE_MS)
        last = None
        start_ms = epoch_ms - int(age_ms) - 14 * DAY_MS
        if rhythm is Rhythm.DEAD:
            last = max(int(size), 1)
            start_ms -= int(between(rng, 60, 1_500) * DAY_MS)
        hour = min(max(5.0 + 2.5 * bell(rng), 0.0), 23.0)
        start_ms += int(hour * HOUR_MS) - start_ms % DAY_MS
        schedule = Schedule(seed=self._seed, show=index, start_ms=start_ms, cycle=cycle, last=last)
        return rhythm, schedule

    def _usual_length(self, index: int) -> float:
        rng = stream(self._seed, Purpose.SHOW, index, 2)
        return min(34 * MINUTE_MS * math.exp(0.55 * bell(rng)), 2.5 * HOUR_MS)

    def _show(self, index: int) -> ShowFacts:
        """Return a show's facts; see `World.show`."""
        if not 0 <= index < self.shows:
            message = f"no show {index} in a world of {self.shows}"
            raise UnknownThing(message)
        rng = stream(self._seed, Purpose.SHOW, index, 3)
        publisher = names.publisher_name(rng)
        texts = _texts(rng, least=1, most=3)
        return ShowFacts(
            index=index,
            id=self._ids.encode(IdKind.SHOW, index),
            name=names.show_name(index, offset=self._name_offset),
            publisher=publisher,
            description="\n\n".join(texts),
            html_description=names.as_html(texts),
            language=self._language(index),
            explicit=rng.random() < _EXPLICIT,
            media_type=_media_type(rng),
            oldest_first=self.oldest_first(index),
            rhythm=self.rhythms[index],
            started_at=from_ms(self.schedules[index].start_ms),
        )

    def oldest_first(self, index: int) -> bool:
        """Tell whether a show lists its episodes from the oldest up: one of every three does."""
        block, place = divmod(index, 3)
        return mixed(self._seed, Purpose.SHOW, block, 4) % 3 == place

    def _language(self, index: int) -> str:
        return LANGUAGES[mixed(self._seed, Purpose.SHOW, index, 5) % len(LANGUAGES)]

    def _episode(self, show: int, number: int) -> EpisodeFacts:
        """Return an episode's facts; see `World.episode`."""
        if not self.exists(show, number):
            message = f"show {show} never publishes an episode {number}"
            raise UnknownThing(message)
        rng = stream(self._seed, Purpose.EPISODE, show, number)
        name = names.episode_name(rng, number)
        texts = _texts(rng, least=1, most=5)
        published_at = from_ms(self.schedules[show].published_ms(number))
        precision = _precision(rng)
        told = {"day": 10, "month": 7, "year": 4}[precision]
        return EpisodeFacts(
            show=show,
            number=number,
            id=self._ids.encode(IdKind.EPISODE, show, number),
            name=name,
            description="\n\n".join(texts),
            html_description=names.as_html(texts),
            duration_ms=self.duration_ms(show, number),
            published_at=published_at,
            release_date=published_at.date().isoformat()[:told],
            release_date_precision=precision,
            explicit=rng.random() < _EXPLICIT,
            language=self._language(show),
        )


def _rhythm(draw: float) -> tuple[Rhythm, float]:
    for rhythm, part, median in _RHYTHM_SHARES[:-1]:
        if draw < part:
            return rhythm, median
        draw -= part
    rhythm, _, median = _RHYTHM_SHARES[-1]
    return rhythm, median


def _texts(rng: Random, *, least: int, most: int) -> list[str]:
    if rng.random() < _EMPTY_TEXT:
        return []
    return names.paragraphs(rng, least=least, most=most)


def _media_type(rng: Random) -> MediaType:
    kinds: tuple[MediaType, ...] = ("audio",) * 17 + ("mixed", "mixed", "video")
    return one_of(rng, kinds)


def _precision(rng: Random) -> DatePrecision:
    draw = rng.random()
    if draw < _VAGUE_DATE / 2:
        return "year"
    return "month" if draw < _VAGUE_DATE else "day"

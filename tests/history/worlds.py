"""Worlds of one listener: what was truly heard, and two exports that tell of it badly.

The truth is drawn first. Each export is then written from it with defects of its own,
so that it is known of every row which stream it tells of.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from src.history.merge.derive import derive
from src.history.observations import Observation, Ordinals, Source, began_of_row

_BEGINS_S = 1_640_995_200  # 2022-01-01
_FORMATS = (Source.EXTENDED, Source.ACCOUNT)
_SPLIT_FROM_MS = 120_000
_OFF_MS = 3_000
_FORGIVEN_MS = 3_500  # difference of ms, for each row, that still is the same stream


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How bad the exports are. Shares are of streams or rows, 0 to 1.

    Attributes:
        short: Share of streams of no length or less than 30 s.
        split: Share of long streams that one export cuts into two or three rows.
        moved: Share of streams whose end one export has up to 60 s off.
        ms_off: Share of streams whose ms one export has up to 3 s off.
        offline: Share of streams heard offline: one export has them off by a clock.
        drift_s: Most seconds such a clock is off.
        lacks: Share of streams that an export lacks; never both.
    """

    short: float = 0.32
    split: float = 0.0
    moved: float = 0.0
    ms_off: float = 0.0
    offline: float = 0.0
    drift_s: int = 0
    lacks: float = 0.0


MIXES = {
    "clean": Mix(),
    "realistic": Mix(split=0.1, moved=0.02),
    "ms_differs": Mix(split=0.1, moved=0.02, ms_off=0.05),
    "all_moved": Mix(split=0.1, moved=1.0),
    "all_moved_ms_differs": Mix(split=0.1, moved=1.0, ms_off=0.2),
    "many_splits": Mix(split=0.3, moved=0.02),
    "rows_missing": Mix(split=0.1, moved=0.02, lacks=0.1),
    "mostly_short": Mix(split=0.1, moved=0.02, short=0.6),
    "offline_a_little": Mix(split=0.1, moved=0.02, offline=0.05, drift_s=50),
    "offline_far": Mix(split=0.1, moved=0.02, offline=0.05, drift_s=600),
    "worst": Mix(split=0.3, moved=1.0, ms_off=0.2, offline=0.05, drift_s=120, lacks=0.05),
}


@dataclass(frozen=True)
class Stream:
    """One true listening: start and end in UTC epoch seconds, pauses inside."""

    episode: int
    began_s: int
    ended_s: int
    ms: int


@dataclass(frozen=True)
class Score:
    """How the merge did in one world, or several."""

    streams: int
    once: int
    true_ms: int
    heard_ms: int

    @property
    def counted_once(self) -> float:
        """Share of the streams whose ms stands in events of one export only."""
        return self.once / self.streams

    @property
    def time(self) -> float:
        """Time of all events, as a share of the truth."""
        return self.heard_ms / self.true_ms

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.streams + other.streams,
            self.once + other.once,
            self.true_ms + other.true_ms,
            self.heard_ms + other.heard_ms,
        )


class World:
    """One listener's streams, and every observation with the stream it tells of."""

    def __init__(self, seed: str, mix: Mix, *, sittings: int = 600) -> None:
        self._chance = random.Random(seed)
        self._mix = mix
        self.streams = list(self._sittings(sittings))
        self.rows: list[tuple[Observation, int]] = []
        self._ordinals = {source: Ordinals() for source in _FORMATS}
        for number, stream in enumerate(self.streams):
            self._write(number, stream)

    def score(self) -> Score:
        """Derive every episode's events, and compare them with the truth."""
        stream_of = {row.key: number for row, number in self.rows}
        source_of = {row.key: row.source for row, _ in self.rows}
        episodes: defaultdict[str, list[Observation]] = defaultdict(list)
        for row, _ in self.rows:
            episodes[row.episode].append(row)
        heard: defaultdict[int, defaultdict[Source, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for rows in episodes.values():
            for event in derive(rows):
                heard[stream_of[event.id]][source_of[event.id]].append(event.ms)
        once = sum(
            _is_once(stream, list(heard[number].values()))
            for number, stream in enumerate(self.streams)
        )
        return Score(
            streams=len(self.streams),
            once=once,
            true_ms=sum(stream.ms for stream in self.streams),
            heard_ms=sum(sum(sum(parts) for parts in by.values()) for by in heard.values()),
        )

    def _sittings(self, count: int) -> Iterator[Stream]:
        chance, now_s, episodes = self._chance, _BEGINS_S, 0
        lengths: list[int] = []
        for _ in range(count):
            now_s += int(chance.expovariate(1 / 20_000)) + 60
            if lengths and chance.random() < 0.35:
                episode = chance.randrange(max(0, len(lengths) - 20), len(lengths))
            else:
                episode, episodes = episodes, episodes + 1
                lengths.append(chance.randrange(300_000, 5_400_000))
            while True:
                ms = self._heard_ms(lengths[episode])
                wall_s = -(-ms // 1000)
                if ms > _SPLIT_FROM_MS and chance.random() < 0.3:
                    wall_s += chance.randrange(5, 1800)
                yield Stream(episode, now_s, now_s + wall_s, ms)
                now_s += wall_s + chance.choice((0, 1, 3, chance.randrange(1200)))
                if chance.random() < 0.6:
                    break

    def _heard_ms(self, length_ms: int) -> int:
        chance = self._chance
        if chance.random() < self._mix.short:
            return 0 if chance.random() < 0.22 else chance.randrange(1, 30_000)
        if chance.random() < 0.15:
            return length_ms
        return chance.randrange(30_000, max(30_001, length_ms))

    def _write(self, number: int, stream: Stream) -> None:
        chance, mix = self._chance, self._mix
        lacks = [source for source in _FORMATS if chance.random() < mix.lacks]
        written = _FORMATS if len(lacks) == len(_FORMATS) else set(_FORMATS) - set(lacks)
        cut, moved, wrong, offline = (chance.choice(_FORMATS) for _ in range(4))
        splits = stream.ms > _SPLIT_FROM_MS and chance.random() < mix.split
        off_s = chance.randint(-60, 60) if chance.random() < mix.moved else 0
        clock_s = chance.randint(-mix.drift_s, mix.drift_s)
        is_offline = chance.random() < mix.offline
        ms_is_off = stream.ms > 0 and chance.random() < mix.ms_off
        for source in sorted(written):
            shift_s = off_s * (source is moved) + clock_s * (is_offline and source is offline)
            parts = chance.choice((2, 2, 3)) if splits and source is cut else 1
            for began_s, ended_s, heard_ms in self._cut(stream, parts):
                ms = heard_ms
                if ms_is_off and source is wrong:
                    ms = max(0, ms + chance.randint(-_OFF_MS, _OFF_MS))
                self._row(source, stream, number, (began_s + shift_s, ended_s + shift_s, ms))

    def _cut(self, stream: Stream, parts: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and ms of each row, the pause staying in the first."""
        ended_s, left_ms = stream.ended_s, stream.ms
        for part in range(parts - 1):
            ms = left_ms // (parts - part) + self._chance.randrange(-20_000, 20_000)
            yield ended_s - -(-ms // 1000), ended_s, ms
            ended_s, left_ms = ended_s - -(-ms // 1000), left_ms - ms
        yield stream.began_s, max(ended_s, stream.began_s), left_ms

    def _row(self, source: Source, stream: Stream, number: int, told: tuple[int, int, int]) -> None:
        began_s, ended_s, ms = told
        if source is Source.ACCOUNT:
            ended_s -= ended_s % 60
        known = began_s if source is Source.EXTENDED and self._chance.random() < 0.8 else None
        episode = f"spotify:{stream.episode}"
        row = Observation(
            source=source,
            episode=episode,
            ended_s=ended_s,
            began_s=began_of_row(ended_s=ended_s, ms=ms, offline_timestamp=known),
            ms=ms,
            n=self._ordinals[source].next(episode, ended_s=ended_s, ms=ms),
        )
        self.rows.append((row, number))


def _is_once(stream: Stream, told: list[list[int]]) -> bool:
    """Tell whether one export, and only one, has events of the stream, with its ms."""
    return len(told) == 1 and abs(sum(told[0]) - stream.ms) <= _FORGIVEN_MS * len(told[0])

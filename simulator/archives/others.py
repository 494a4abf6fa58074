"""Music and audiobooks among the podcasts: rows an import has to count and leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.archives.defects import Chances, Defects, Draw
from simulator.archives.rows import Chapter, Content, Row, Track
from simulator.world.chance import between, mixed, one_of, stream
from simulator.world.instants import MINUTE_MS, SECOND_MS
from simulator.world.names import person_name
from simulator.world.words import COINED, MODIFIERS, NOUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulator.archives.streams import Stream

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TRACKS = 600
_BOOKS, _CHAPTERS = 12, 15
_SONG_MS, _SONG_SPREAD_MS = 110 * SECOND_MS, 200 * SECOND_MS
_MUSIC_AFTER_MS, _BOOKS_AFTER_MS = 3 * MINUTE_MS, 40 * MINUTE_MS


def uri(kind: str, bits: int) -> str:
    """Return an invented URI: 22 base-62 characters from 64 bits."""
    value = bits << 64 | mixed(bits, Draw.TRACKS, 1)
    digits = []
    for _ in range(22):
        value, digit = divmod(value, 62)
        digits.append(_ALPHABET[digit])
    return f"spotify:{kind}:{''.join(digits)}"


def tracks_of(seed: int) -> list[Track]:
    """Return the music there is in the world of `seed`."""
    rng = stream(seed, Draw.TRACKS, 1)
    return [
        Track(
            uri=uri("track", mixed(seed, Draw.MUSIC, number)),
            artist=f"The {one_of(rng, COINED)} {one_of(rng, NOUNS).title()}s",
            album=f"{one_of(rng, MODIFIERS)} {one_of(rng, NOUNS)}".title(),
            name=f"{one_of(rng, MODIFIERS)} {one_of(rng, NOUNS)}".capitalize(),
        )
        for number in range(_TRACKS)
    ]


def chapters_of(seed: int) -> list[Chapter]:
    """Return the chapters of the audiobooks there are in the world of `seed`."""
    rng = stream(seed, Draw.TRACKS, 2)
    found: list[Chapter] = []
    for book in range(_BOOKS):
        author, name = person_name(rng), f"The {one_of(rng, NOUNS)} of {one_of(rng, COINED)}"
        book_uri = uri("show", mixed(seed, Draw.AUDIOBOOK, book))
        found += [
            Chapter(
                uri=uri("episode", mixed(seed, Draw.AUDIOBOOK, book, number)),
                book_uri=book_uri,
                author=author,
                book=name,
                name=f"Chapter {number}",
            )
            for number in range(1, _CHAPTERS + 1)
        ]
    return found


def other_rows(
    seed: int, listener: int, *, streams: Iterable[Stream], until_ms: int, defects: Defects
) -> list[Row]:
    """Return rows of music and audiobooks that ended before `until_ms`.

    They follow the plays of podcasts, so that every file holds some of each.
    """
    chances = Chances(seed, listener)
    rows: list[Row] = []
    kinds: tuple[tuple[Draw, float, Sequence[Content], int], ...] = (
        (Draw.MUSIC, defects.music, tracks_of(seed), _MUSIC_AFTER_MS),
        (Draw.AUDIOBOOK, defects.audiobooks, chapters_of(seed), _BOOKS_AFTER_MS),
    )
    for draw, often, offered, after_ms in kinds:
        for play in streams if often else ():
            if play.tap:
                continue
            rng = stream(chances.seed, draw, play.start_ms)
            at_ms = play.end_ms + after_ms
            for _ in range(int(often + rng.random())):
                ms = _SONG_MS + int(between(rng, 0, _SONG_SPREAD_MS))
                if at_ms + ms >= until_ms:
                    break
                rows.append(_row(one_of(rng, offered), at_ms, ms, device=play.start_ms % 3))
                at_ms += ms + SECOND_MS
    return rows


def _row(content: Content, start_ms: int, ms: int, *, device: int) -> Row:
    music = isinstance(content, Track)
    skipped = ms % 5 == 0
    return Row(
        content=content,
        end_ms=start_ms + ms,
        ms=ms,
        reason_start="trackdone" if music else "clickrow",
        reason_end="fwdbtn" if skipped else "trackdone",
        shuffle=music and ms % 2 == 0,
        skipped=skipped,
        offline=False,
        offline_timestamp=start_ms // SECOND_MS,
        video=False,
        device=device,
    )

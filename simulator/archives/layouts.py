"""Rows as the text of either form; what repeats is encoded once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.archives.defects import Era
from simulator.archives.rows import Chapter, Content, Row, Title, Track
from simulator.world.instants import from_ms

if TYPE_CHECKING:
    from simulator.archives.homes import Home

_MUSIC_KEYS = (
    "master_metadata_track_name",
    "master_metadata_album_artist_name",
    "master_metadata_album_album_name",
    "spotify_track_uri",
)
_EPISODE_KEYS = ("episode_name", "episode_show_name", "spotify_episode_uri")
_BOOK_KEYS = (
    "audiobook_title",
    "audiobook_uri",
    "audiobook_chapter_uri",
    "audiobook_chapter_title",
)
_QUOTED = json.JSONEncoder(ensure_ascii=False).encode
_WORDS = {None: "null", False: "false", True: "true"}


class AccountLayout:
    """Four or five keys a row, spaced out as the account form is."""

    def __init__(self) -> None:
        self._known: dict[Content, str] = {}

    def text(self, row: Row) -> str:
        """Return one row; its minute is that of the end, in UTC."""
        told = self._known.get(row.content)
        if told is None:
            told = self._known[row.content] = _account_names(row.content)
        at = from_ms(row.end_ms).isoformat()
        return (
            f'  {{\n    "endTime" : "{at[:10]} {at[11:16]}",\n{told}    "msPlayed" : {row.ms}\n  }}'
        )


class ExtendedLayout:
    """21 keys a row in the old era, one row a line; 23 in the new one, one key a line."""

    def __init__(self, home: Home, era: Era) -> None:
        """Write as `home`'s listener would get it in `era`."""
        self._old = era is Era.OLD
        self._known: dict[Content, str] = {}
        self._homes = [
            self._home(home, platform, address)
            for platform, address in zip(home.platforms(era), home.addresses, strict=True)
        ]

    def text(self, row: Row) -> str:
        """Return one row; `ts` is its end, in UTC and whole seconds."""
        told = self._known.get(row.content)
        if told is None:
            told = self._known[row.content] = self._names(row.content)
        before, after = self._homes[row.device]
        at = from_ms(row.end_ms).isoformat()
        offline_timestamp = "null" if row.offline_timestamp is None else row.offline_timestamp
        if self._old:
            return (
                f'{{"ts":"{at[:19]}Z",{before}"ms_played":{row.ms},{after}{told}'
                f'"reason_start":"{row.reason_start}","reason_end":"{row.reason_end}",'
                f'"shuffle":{_WORDS[row.shuffle]},"skipped":{"true" if row.skipped else "null"},'
                f'"offline":{_WORDS[row.offline]},"offline_timestamp":{offline_timestamp},'
                '"incognito_mode":false}'
            )
        return (
            f'  {{\n    "ts": "{at[:19]}Z",\n{before}    "ms_played": {row.ms},\n{after}{told}'
            f'    "reason_start": "{row.reason_start}",\n    "reason_end": "{row.reason_end}",\n'
            f'    "shuffle": {_WORDS[row.shuffle]},\n    "skipped": {_WORDS[row.skipped]},\n'
            f'    "offline": {_WORDS[row.offline]},\n'
            f'    "offline_timestamp": {offline_timestamp},\n    "incognito_mode": false\n  }}'
        )

    def _home(self, home: Home, platform: str, address: str) -> tuple[str, str]:
        """Return what stands before and after `ms_played`."""
        if not self._old:
            return (
                self._pairs(platform=platform),
                self._pairs(conn_country=home.country, ip_addr=address),
            )
        return (
            self._pairs(username=home.username, platform=platform),
            self._pairs(
                conn_country=home.country,
                ip_addr_decrypted=address,
                user_agent_decrypted=home.agent,
            ),
        )

    def _names(self, content: Content) -> str:
        keys = _MUSIC_KEYS + _EPISODE_KEYS + (() if self._old else _BOOK_KEYS)
        names: dict[str, str | None] = dict.fromkeys(keys)
        if isinstance(content, Title):
            values: tuple[str | None, ...] = (content.name, content.show_name, content.uri)
            names.update(zip(_EPISODE_KEYS, values, strict=True))
        elif isinstance(content, Track):
            values = (content.name, content.artist, content.album, content.uri)
            names.update(zip(_MUSIC_KEYS, values, strict=True))
        elif isinstance(content, Chapter) and not self._old:
            values = (content.book, content.book_uri, content.uri, content.name)
            names.update(zip(_BOOK_KEYS, values, strict=True))
        return self._pairs(**names)

    def _pairs(self, **values: str | None) -> str:
        if self._old:
            return "".join(f'"{key}":{_QUOTED(value)},' for key, value in values.items())
        return "".join(f'    "{key}": {_QUOTED(value)},\n' for key, value in values.items())


def _account_names(content: Content) -> str:
    if isinstance(content, Title):
        names = {"podcastName": content.show_name, "episodeName": content.name}
    elif isinstance(content, Track):
        names = {"artistName": content.artist, "trackName": content.name}
    elif isinstance(content, Chapter):
        names = {
            "authorName": content.author,
            "audiobookName": content.book,
            "chapterName": content.name,
        }
    else:
        raise TypeError("the account form has no rows without a name")
    return "".join(f'    "{key}" : {_QUOTED(value)},\n' for key, value in names.items())

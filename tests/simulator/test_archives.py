"""Both exports without defects: everything heard, once, in Spotify's shapes."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simulator.archives.defects import CLEAN, MIXES, REALISTIC, Defects, Era, Form
from simulator.archives.writing import zipped
from simulator.world.types import UnknownThing
from simulator.world.world import World
from tests.simulator.archives_read import (
    account_rows,
    extended_rows,
    minute,
    names_in,
    podcasts,
    rows_in,
    second,
)

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LISTENER = 0

TEXT, NUMBER, FLAG, NOTHING = str, int, bool, type(None)
BEFORE: dict[str, Any] = {"ts": {TEXT}, "platform": {TEXT}, "ms_played": {NUMBER}}
MUSIC: dict[str, Any] = {
    "master_metadata_track_name": {TEXT, NOTHING},
    "master_metadata_album_artist_name": {TEXT, NOTHING},
    "master_metadata_album_album_name": {TEXT, NOTHING},
    "spotify_track_uri": {TEXT, NOTHING},
    "episode_name": {TEXT, NOTHING},
    "episode_show_name": {TEXT, NOTHING},
    "spotify_episode_uri": {TEXT, NOTHING},
}
BOOKS: dict[str, Any] = {
    "audiobook_title": {TEXT, NOTHING},
    "audiobook_uri": {TEXT, NOTHING},
    "audiobook_chapter_uri": {TEXT, NOTHING},
    "audiobook_chapter_title": {TEXT, NOTHING},
}
AFTER: dict[str, Any] = {
    "reason_start": {TEXT},
    "reason_end": {TEXT},
    "shuffle": {FLAG},
    "skipped": {FLAG, NOTHING},
    "offline": {FLAG, NOTHING},
    "offline_timestamp": {NUMBER, NOTHING},
    "incognito_mode": {FLAG},
}
NEW_ROW = BEFORE | {"conn_country": {TEXT}, "ip_addr": {TEXT}} | MUSIC | BOOKS | AFTER
OLD_ROW = (
    {"ts": {TEXT}, "username": {TEXT}, "platform": {TEXT}, "ms_played": {NUMBER}}
    | {"conn_country": {TEXT}, "ip_addr_decrypted": {TEXT}, "user_agent_decrypted": {TEXT}}
    | MUSIC
    | AFTER
)


@pytest.fixture(scope="module")
def world() -> World:
    """A world that these tests only ask."""
    return World(3, epoch=EPOCH)


@cache
def exported(
    world: World, defects: Defects = CLEAN, *, era: Era = Era.NEW, until: datetime = EPOCH
) -> bytes:
    """Return both forms in one zip."""
    return zipped(world, LISTENER, until=until, defects=defects, era=era)[0]


@pytest.mark.parametrize("era", list(Era))
def test_every_play_is_in_each_form_once(world: World, era: Era) -> None:
    """By identifier to the second in the extended form, by name to the minute in the other."""
    content = exported(world, era=era)
    plays = world.plays(LISTENER, EPOCH - 400 * DAY, EPOCH)
    known = [it for it in plays if it.offline_seen_at is None or it.offline_seen_at <= EPOCH]
    heard = [(it, world.show(it.show), world.episode(it.show, it.number)) for it in known]
    extended = Counter(
        (
            row["ts"],
            row["ms_played"],
            row["spotify_episode_uri"],
            row["episode_show_name"],
            row["episode_name"],
        )
        for row in extended_rows(content)
    )
    account = Counter(
        (row["endTime"], row["msPlayed"], row["podcastName"], row["episodeName"])
        for row in account_rows(content)
    )

    assert len(heard) > 500
    assert extended == Counter(
        (second(it.ended_at), it.heard_ms, f"spotify:episode:{episode.id}", show.name, episode.name)
        for it, show, episode in heard
    )
    assert account == Counter(
        (minute(it.ended_at), it.heard_ms, show.name, episode.name)
        for it, show, episode in heard
        if it.ended_at >= EPOCH - 365 * DAY
    )


def test_a_row_tells_start_end_and_circumstances(world: World) -> None:
    """Its start in whole seconds, whether it was offline, why it ended."""
    plays = {
        (second(it.ended_at), it.heard_ms): it
        for it in world.plays(LISTENER, EPOCH - 400 * DAY, EPOCH)
    }
    ends = {"finished": "trackdone", "paused": "endplay", "stopped": "endplay", "skipped": "fwdbtn"}
    for row in extended_rows(exported(world)):
        play = plays[row["ts"], row["ms_played"]]

        assert int(play.started_at.timestamp()) == row["offline_timestamp"]
        assert row["offline"] == (play.offline_seen_at is not None)
        assert ends[play.reason] == row["reason_end"]
        assert row["skipped"] == (play.reason == "skipped")
        assert play.from_ms == 0 or row["reason_start"] == "playbtn"


def test_what_the_service_has_not_heard_of_is_missing(world: World) -> None:
    """An offline play is in no export written before the device came back, and in all later."""
    play = next(
        it
        for it in world.plays(LISTENER, EPOCH - 300 * DAY, EPOCH)
        if it.offline_seen_at is not None and it.offline_seen_at - it.ended_at > timedelta(hours=1)
    )
    seen_at = play.offline_seen_at
    assert seen_at is not None
    row = (second(play.ended_at), play.heard_ms)
    early, ledger = zipped(world, LISTENER, until=seen_at - timedelta(minutes=1), defects=CLEAN)
    late = exported(world, until=seen_at)
    (stream,) = [it for it in ledger.streams if it.unreported and it.ms == play.heard_ms]

    assert row not in [(it["ts"], it["ms_played"]) for it in extended_rows(early)]
    assert row in [(it["ts"], it["ms_played"]) for it in extended_rows(late)]
    assert {(form, stream.ms, "unreported") for form in Form} == {
        (it.form, it.ms, it.cause) for it in ledger.losses if it.ordinal == stream.ordinal
    }


@pytest.mark.parametrize(("era", "shape"), [(Era.NEW, NEW_ROW), (Era.OLD, OLD_ROW)])
def test_extended_rows_have_the_keys_and_types_of_their_era(
    world: World, era: Era, shape: dict[str, Any]
) -> None:
    """23 keys now, 21 formerly; addresses are those set aside for documents."""
    rows = extended_rows(exported(world, REALISTIC, era=era))
    address = "ip_addr" if era is Era.NEW else "ip_addr_decrypted"

    assert {Era.NEW: 23, Era.OLD: 21}[era] == len(shape)
    assert len(rows) > 3_000
    for row in rows:
        assert list(shape) == list(row)
        assert all(type(value) in shape[key] for key, value in row.items())
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["ts"])
        assert re.fullmatch(r"192\.0\.2\.\d{1,3}", row[address])
        assert re.fullmatch(r"[A-Z]{2}", row["conn_country"])
    for uri, kind in (("spotify_episode_uri", "episode"), ("spotify_track_uri", "track")):
        found = [row[uri] for row in rows if row[uri]]

        assert found
        assert all(re.fullmatch(rf"spotify:{kind}:[0-9A-Za-z]{{22}}", it) for it in found)


def test_account_rows_have_their_keys_and_types(world: World) -> None:
    """Four keys for podcasts and music, five for audiobooks; the minute is UTC."""
    content = exported(world, REALISTIC)
    shapes = {
        "podcast": ["endTime", "podcastName", "episodeName", "msPlayed"],
        "music": ["endTime", "artistName", "trackName", "msPlayed"],
        "audiobook": ["endTime", "authorName", "audiobookName", "chapterName", "msPlayed"],
    }
    for kind, keys in shapes.items():
        rows = account_rows(content, kind)

        assert rows
        for row in rows:
            assert keys == list(row)
            assert [str] * (len(keys) - 1) + [int] == [type(value) for value in row.values()]
            assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d", row["endTime"])


def test_files_lie_where_spotify_puts_them(world: World) -> None:
    """Folder and names of each form and era, with the years of the first and last row."""
    new, old = (names_in(exported(world, REALISTIC, era=era)) for era in (Era.NEW, Era.OLD))

    assert [
        "Spotify Account Data/StreamingHistory_podcast_0.json",
        "Spotify Account Data/StreamingHistory_music_0.json",
        "Spotify Account Data/StreamingHistory_audiobook_0.json",
        "Spotify Account Data/Follow.json",
        "Spotify Account Data/Identity.json",
        "Spotify Account Data/Playlist1.json",
        "Spotify Account Data/SearchQueries.json",
        "Spotify Account Data/Userdata.json",
        "Spotify Account Data/YourLibrary.json",
        "Spotify Account Data/Read_Me_First.pdf",
        "Spotify Extended Streaming History/Streaming_History_Audio_2025-2026_0.json",
        "Spotify Extended Streaming History/Streaming_History_Video_2025-2026.json",
        "Spotify Extended Streaming History/ReadMeFirst_ExtendedStreamingHistory.pdf",
    ] == new
    assert "MyData/endsong_0.json" in old
    assert {"MyData"} == {name.split("/")[0] for name in old}
    assert not [name for name in old if "Streaming_History" in name]


def test_the_library_is_that_of_the_world(world: World) -> None:
    """`YourLibrary.json` lists saved shows and living saved episodes with their URIs."""
    content = exported(world)
    library = _library(content)
    shows = [world.show(it.show) for it in world.saved_shows(LISTENER, EPOCH)]
    episodes = [
        world.episode(it.show, it.number)
        for it in world.saved_episodes(LISTENER, EPOCH)
        if not it.tombstone
    ]

    assert {
        "tracks",
        "albums",
        "shows",
        "episodes",
        "bannedTracks",
        "artists",
        "bannedArtists",
        "other",
    } == set(library)
    assert [
        {"name": it.name, "publisher": it.publisher, "uri": f"spotify:show:{it.id}"} for it in shows
    ] == library["shows"]
    assert [(it.name, f"spotify:episode:{it.id}") for it in episodes] == [
        (it["name"], it["uri"]) for it in library["episodes"]
    ]


def _library(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        told = json.loads(archive.read("Spotify Account Data/YourLibrary.json"))
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("mix", list(MIXES))
def test_the_ledger_balances(world: World, mix: str) -> None:
    """In each form the time of rows and losses is that of the streams, to the millisecond."""
    content, ledger = zipped(world, LISTENER, until=EPOCH, defects=MIXES[mix])
    heard_ms = sum(it.ms for it in ledger.streams)

    for form in Form:
        lost_ms = sum(it.ms for it in ledger.losses if it.form is form)
        assert heard_ms == sum(it.true_ms for it in ledger.podcasts[form]) + lost_ms
    assert sum(it.heard_ms for it in world.plays(LISTENER, EPOCH - 400 * DAY, EPOCH)) == sum(
        it.ms for it in ledger.streams if it.tap is None
    )
    if mix != "worst":
        rows = podcasts(extended_rows(content))
        assert [
            (it.ms, it.content.name) for it in ledger.podcasts[Form.EXTENDED] if it.content
        ] == [(row["ms_played"], row["episode_name"]) for row in rows]
        counted = sum(len(it) for it in rows_in(content).values())
        assert counted == sum(sum(it.values()) for it in ledger.counts.values())


def test_a_later_export_holds_the_rows_of_an_earlier_one(world: World) -> None:
    """Of the extended form, music and all."""
    early, late = (exported(world, REALISTIC, until=EPOCH - days * DAY) for days in (60, 0))
    before, after = (Counter(map(repr, extended_rows(it))) for it in (early, late))

    assert before < after


DIGEST = """
import hashlib
from datetime import UTC, datetime
from simulator.archives.writing import zipped
from simulator.world.world import World
epoch = datetime(2026, 11, 1, tzinfo=UTC)
print(hashlib.sha256(zipped(World(3, epoch=epoch), 0, until=epoch)[0]).hexdigest())
"""


def test_the_same_arguments_give_the_same_bytes(world: World) -> None:
    """In another process with another hash seed too; whatever was asked of the world before."""
    told = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()

    assert hashlib.sha256(exported(world, REALISTIC)).hexdigest() == told
    assert exported(world, REALISTIC) != zipped(world, 3, until=EPOCH)[0]
    assert exported(world, REALISTIC) != exported(World(4, epoch=EPOCH), REALISTIC)


def test_ten_years_are_told_whole() -> None:
    """A long past fills every year and several files; the account form keeps a year of it."""
    world = World(3, epoch=EPOCH, history_days=3_650)
    content, ledger = zipped(world, LISTENER, until=EPOCH)
    every = [row["ts"][:4] for row in podcasts(extended_rows(content))]
    files = rows_in(content)
    early = [it for it in ledger.losses if it.cause == "before_the_year"]

    assert set(map(str, range(2016, 2027))) == set(every)
    assert len([name for name in files if "_Audio_" in name]) > 1
    assert all(len(rows) <= 15_000 for rows in files.values())
    assert minute(EPOCH - 366 * DAY) < min(it["endTime"] for it in account_rows(content))
    assert len(early) > 2_000
    assert {Form.ACCOUNT} == {it.form for it in early}
    assert 40 == len(world.saved_shows(LISTENER, EPOCH))
    assert sum(it.ms for it in ledger.streams if it.tap is None) == sum(
        it.heard_ms for it in world.plays(LISTENER, EPOCH - 3_700 * DAY, EPOCH)
    )


def test_a_usual_past_is_a_year_and_stays_what_it_was(world: World) -> None:
    """Saying the default aloud changes nothing."""
    said = World(3, epoch=EPOCH, history_days=365)

    assert said.plays(LISTENER, EPOCH - 400 * DAY, EPOCH) == world.plays(
        LISTENER, EPOCH - 400 * DAY, EPOCH
    )
    assert world.plays(LISTENER, EPOCH - 3_650 * DAY, EPOCH - 370 * DAY) == []


def test_wrong_questions_are_refused(world: World) -> None:
    """A stranger, an instant without zone, and shares that are none."""
    with pytest.raises(UnknownThing):
        zipped(world, 99, until=EPOCH)
    with pytest.raises(ValueError, match="aware"):
        zipped(world, 0, until=EPOCH.replace(tzinfo=None))
    with pytest.raises(ValueError, match="split"):
        Defects(split=1.5)
    with pytest.raises(ValueError, match="music"):
        Defects(music=-1)
    with pytest.raises(ValueError, match="together"):
        Defects(null_timestamp=0.5, zero_timestamp=0.4, ms_timestamp=0.2)

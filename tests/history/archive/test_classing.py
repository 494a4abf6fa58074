"""What a row is, when it was, and whether it can be true."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from src.history.archive.reasons import BadRow
from src.history.archive.report import Flag, PodcastPlay, Span
from src.history.archive.rows import FileFormat
from tests.history.archive.parts import (
    EPISODE_ID,
    NO_EPISODE,
    NOW,
    account,
    audiobook,
    before_2023,
    extended,
    music,
    read_rows,
)

DAY_S = 86_400
ENDED_S = int(datetime(2024, 3, 10, 10, 30, 15, tzinfo=UTC).timestamp())
MINUTE_S = ENDED_S - 15
FORMER_MUSIC = {"spotify_track_uri": "spotify:track:1", "master_metadata_track_name": "Song"}


def utc(moment: datetime) -> str:
    """Return a moment as the extended export writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("row", [extended(), before_2023()])
def test_a_podcast_row_of_the_extended_export(tmp_path: Path, row: dict[str, Any]) -> None:
    """Both eras tell the end to the second, what was heard and which episode."""
    found = read_rows(tmp_path, row)

    expected = PodcastPlay(
        ended_s=ENDED_S,
        began_s=ENDED_S - 1_800,
        ms=1_800_000,
        episode_id=EPISODE_ID,
        show_name="Maps",
        episode_name="On rivers",
        flags=0,
        n=0,
    )
    assert [expected] == found.plays
    assert FileFormat.EXTENDED is found.report.format


def test_a_podcast_row_of_the_account_export(tmp_path: Path) -> None:
    """It tells the minute of the end, what was heard, and both names."""
    found = read_rows(tmp_path, account(msPlayed=1_234))

    expected = PodcastPlay(
        ended_s=MINUTE_S,
        began_s=MINUTE_S - 2,
        ms=1_234,
        episode_id=None,
        show_name="Maps",
        episode_name="On rivers",
        flags=0,
        n=0,
    )
    assert [expected] == found.plays
    assert FileFormat.ACCOUNT is found.report.format


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (extended(), "podcasts"),
        (extended(spotify_episode_uri=None), "podcasts"),
        (extended(episode_name=None, episode_show_name=None), "podcasts"),
        (extended(spotify_episode_uri="spotify:track:1"), "podcasts"),
        (music(), "music"),
        (music(spotify_track_uri=None), "music"),
        (music(master_metadata_track_name=None), "music"),
        (before_2023(**NO_EPISODE, **FORMER_MUSIC), "music"),
        (audiobook(), "audiobooks"),
        (audiobook(audiobook_uri=None), "audiobooks"),
        (extended(**NO_EPISODE), "unidentified"),
        (extended(**NO_EPISODE | {"episode_show_name": "Maps"}), "unidentified"),
        (extended(**NO_EPISODE | {"spotify_episode_uri": "spotify:episode:../x"}), "unidentified"),
        (extended(**NO_EPISODE | {"episode_name": "\0 "}), "unidentified"),
        (account(), "podcasts"),
        (
            {"endTime": "2024-03-10 10:30", "artistName": "A", "trackName": "T", "msPlayed": 1},
            "music",
        ),
        ({"endTime": "2024-03-10 10:30", "audiobookName": "B", "msPlayed": 1}, "audiobooks"),
        ({"endTime": "2024-03-10 10:30", "msPlayed": 1}, "unidentified"),
        (account(episodeName=""), "unidentified"),
    ],
)
def test_every_row_has_a_class(tmp_path: Path, row: dict[str, Any], kind: str) -> None:
    """By the episode first, then audiobook, then track; by name where there is no URI."""
    counts = read_rows(tmp_path, row).counts

    assert 1 == counts.rows
    assert 1 == getattr(counts, kind)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (extended(ts=None), BadRow.NO_TIME),
        ({"ms_played": 1}, BadRow.NO_TIME),
        (extended(ms_played=None), BadRow.NO_DURATION),
        (extended(ts="2006-03-31T23:59:59Z"), BadRow.TOO_EARLY),
        (extended(ts="1970-01-01T00:00:00Z"), BadRow.TOO_EARLY),
        (extended(ts=utc(NOW + timedelta(days=1, seconds=1))), BadRow.IN_FUTURE),
        (extended(ts="9999-12-31T23:59:59Z"), BadRow.IN_FUTURE),
        (extended(ms_played=-1), BadRow.NEGATIVE),
        (extended(ms_played=7 * DAY_S * 1000 + 1), BadRow.ABSURD_DURATION),
        (music(ms_played=-1), BadRow.NEGATIVE),
        (account(endTime=None), BadRow.NO_TIME),
        (account(msPlayed=None), BadRow.NO_DURATION),
        (account(endTime="2024-03-10"), BadRow.BAD_TIME),
        (account(endTime="2024-02-30 10:30"), BadRow.BAD_TIME),
        (account(endTime="20240310T1030+01"), BadRow.BAD_TIME),
        (account(endTime=1_710_066_600), BadRow.WRONG_TYPE),
        (account(endTime="2006-03-31 23:59"), BadRow.TOO_EARLY),
        (account(msPlayed="1"), BadRow.WRONG_TYPE),
    ],
)
def test_a_row_that_cannot_be_true_is_bad(
    tmp_path: Path, row: dict[str, Any], reason: BadRow
) -> None:
    """It is counted by its reason, whatever its class, and stretches no span."""
    found = read_rows(tmp_path, row)

    assert {reason: 1} == found.counts.bad
    assert [] == found.plays
    assert found.report.span is None


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": "2006-04-01T00:00:00Z"},
        {"ts": utc(NOW + timedelta(days=1))},
        {"ms_played": 0},
        {"ms_played": 7 * DAY_S * 1000},
    ],
)
def test_the_bounds_themselves_are_good(tmp_path: Path, changes: dict[str, Any]) -> None:
    """First and last possible second, nothing and a week heard."""
    assert 1 == read_rows(tmp_path, extended(**changes)).counts.podcasts


@pytest.mark.parametrize(
    ("told", "began_s"),
    [
        pytest.param(ENDED_S - 2_400, ENDED_S - 2_400, id="ten minutes of pause"),
        pytest.param(ENDED_S - 1_795, ENDED_S - 1_795, id="5 s less than was heard"),
        pytest.param((ENDED_S - 2_400) * 1000 + 999, ENDED_S - 2_400, id="in milliseconds"),
        pytest.param(ENDED_S - 2 * DAY_S, ENDED_S - 2 * DAY_S, id="48 h"),
        pytest.param(ENDED_S - 2 * DAY_S - 1, None, id="more than 48 h"),
        pytest.param(ENDED_S - 1_794, None, id="6 s less than was heard"),
        pytest.param(ENDED_S + 1, None, id="after the end"),
        pytest.param(0, None, id="zero"),
        pytest.param(-5, None, id="negative"),
        pytest.param(None, None, id="null"),
        pytest.param("soon", None, id="text"),
        pytest.param(True, None, id="truth"),
        pytest.param(10**300, None, id="300 digits"),
    ],
)
def test_the_start_is_told_where_it_can_be_true(
    tmp_path: Path, told: object, began_s: int | None
) -> None:
    """Else it is the end less what was heard; a wrong one costs no row."""
    (play,) = read_rows(tmp_path, extended(offline_timestamp=told)).plays

    assert began_s is not None or ENDED_S - 1_800 == play.began_s
    assert began_s is None or began_s == play.began_s
    assert (began_s is not None) == bool(play.flags & Flag.START_TOLD)


@pytest.mark.parametrize(
    ("offline", "flags"), [(True, Flag.OFFLINE), (False, 0), (None, 0), ("true", 0)]
)
def test_offline_is_what_the_row_says(tmp_path: Path, offline: object, flags: int) -> None:
    """Null and nonsense are not."""
    (play,) = read_rows(tmp_path, extended(offline=offline)).plays

    assert flags == play.flags


def test_identical_rows_are_numbered(tmp_path: Path) -> None:
    """By end, milliseconds and episode; names do not matter where there is an id."""
    found = read_rows(
        tmp_path,
        extended(),
        extended(ms_played=0),
        extended(episode_name="On rivers (renamed)"),
        extended(spotify_episode_uri=None),
        extended(),
        extended(spotify_episode_uri=None),
        extended(spotify_episode_uri=None, episode_show_name="Seas"),
    )

    assert [0, 0, 1, 0, 2, 1, 0] == [play.n for play in found.plays]


def test_names_are_storable_and_bounded(tmp_path: Path) -> None:
    """A blank name is none, and no name is longer than 1,000 characters."""
    row = extended(episode_name="x" * 1_001, episode_show_name=" \t")
    (play,) = read_rows(tmp_path, row).plays

    assert "x" * 1_000 == play.episode_name
    assert play.show_name is None


def test_the_span_has_rows_of_any_class_in_it(tmp_path: Path) -> None:
    """Music shows that the export covers a time, podcasts or not; bad rows show nothing."""
    found = read_rows(
        tmp_path,
        extended(),
        music(ts="2015-01-01T00:00:00Z"),
        extended(**NO_EPISODE, ts="2025-01-01T00:00:00.900Z"),
        extended(ts="2025-06-01T00:00:00Z", ms_played=-1),
    )

    assert Span(1_420_070_400, 1_735_689_600) == found.report.span


def test_other_zones_are_read_as_what_they_are(tmp_path: Path) -> None:
    """None is known to occur; were there one, its offset would count."""
    (play,) = read_rows(tmp_path, extended(ts="2024-03-10T12:30:15+02:00")).plays

    assert ENDED_S == play.ended_s

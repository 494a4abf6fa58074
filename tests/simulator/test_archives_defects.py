"""Each defect of an export does what it says, and nothing else."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simulator.archives.defects import CLEAN, Cause, Defects, Era, Form
from simulator.archives.ledger import Ledger
from simulator.archives.writing import zipped
from simulator.world.world import World
from tests.simulator.archives_read import (
    EPISODE,
    Rows,
    account_rows,
    extended_rows,
    frozen,
    names_in,
    podcasts,
    rows_in,
    texts_in,
    torn_rows,
)

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
LISTENER = 3  # lives in Berlin's zone
WORLD = World(5, epoch=EPOCH)


@cache
def told(era: Era = Era.NEW, **defects: float) -> tuple[bytes, Ledger]:
    """Return an export with these defects alone, and its ledger."""
    return zipped(WORLD, LISTENER, until=EPOCH, era=era, defects=replace(CLEAN, **defects))


def without(rows: Rows, *keys: str) -> list[str]:
    """Return rows with some keys left out, to compare."""
    return frozen([{key: it for key, it in row.items() if key not in keys} for row in rows])


def added(more: Rows, fewer: Rows) -> Rows:
    """Return the rows that only `more` has; `fewer` has none of its own."""
    extra = Counter(frozen(more))
    extra.subtract(frozen(fewer))

    assert min(extra.values()) >= 0
    return [json.loads(it) for it in extra.elements()]


def at(text: str) -> float:
    """Return a time of either form in seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "") + "+00:00").timestamp()


def test_zero_ms_adds_a_row_without_length_to_every_stream() -> None:
    """The same taps in both forms, each of an episode heard a moment later."""
    (clean, _), (content, ledger) = told(), told(zero_ms=1)
    extra = added(extended_rows(content), extended_rows(clean))
    plays = extended_rows(clean)

    assert len(plays) == len(extra) == len(added(account_rows(content), account_rows(clean)))
    assert {0} == {row["ms_played"] for row in extra}
    assert {row["spotify_episode_uri"] for row in plays} == {
        row["spotify_episode_uri"] for row in extra
    }
    assert len(plays) == sum(it.tap is Cause.ZERO_MS for it in ledger.streams)


def test_repeated_minute_adds_a_short_row_of_the_same_minute() -> None:
    """The same minute, show and episode twice; the milliseconds tell them apart."""
    (clean, _), (content, _) = told(), told(repeated_minute=1)
    extra = added(account_rows(content), account_rows(clean))
    key = ("endTime", "podcastName", "episodeName")
    known = {tuple(row[it] for it in key) for row in account_rows(clean)}

    assert len(extra) > 0.9 * len(account_rows(clean))
    assert all(0 <= row["msPlayed"] <= 1_200 for row in extra)
    assert all(tuple(row[it] for it in key) in known for row in extra)
    assert sorted(row["msPlayed"] for row in extra) == sorted(
        row["ms_played"] for row in added(extended_rows(content), extended_rows(clean))
    )


@pytest.mark.parametrize(
    ("defect", "changed", "expected"),
    [
        ("no_uri", EPISODE[2:], lambda row: row[EPISODE[2]] is None and row["episode_name"]),
        ("nameless", EPISODE, lambda row: [None] * 3 == [row[it] for it in EPISODE]),
        ("null_timestamp", ("offline_timestamp",), lambda row: row["offline_timestamp"] is None),
        ("zero_timestamp", ("offline_timestamp",), lambda row: row["offline_timestamp"] == 0),
        ("ms_timestamp", ("offline_timestamp",), lambda row: row["offline_timestamp"] > 10**12),
        ("null_offline", ("offline",), lambda row: row["offline"] is None),
    ],
)
def test_fields_of_extended_rows_go_wrong_alone(
    defect: str, changed: tuple[str, ...], expected: Callable[[dict[str, Any]], object]
) -> None:
    """Every other field, and the whole account form, stay as they were."""
    (clean, _), (content, _) = told(), told(**{defect: 1})
    rows = extended_rows(content)

    assert rows
    assert all(expected(row) for row in rows)
    assert without(extended_rows(clean), *changed) == without(rows, *changed)
    assert account_rows(clean) == account_rows(content)


def test_a_nameless_row_is_a_loss() -> None:
    """It stands in the file, counted as unidentified, and the stream is told by no other."""
    _, ledger = told(nameless=1)
    reported = [it for it in ledger.streams if not it.unreported]

    assert [] == list(ledger.podcasts[Form.EXTENDED])
    assert {"unidentified": len(reported), "broken": 0} == ledger.counts[Form.EXTENDED]
    assert ledger.lost(Form.EXTENDED) == {it.ordinal: it.ms for it in ledger.streams}
    assert reported == ledger.told(*Form)


def test_milliseconds_are_those_of_the_start() -> None:
    """The same instant a thousand times finer."""
    (clean, _), (content, _) = told(), told(ms_timestamp=1)
    pairs = zip(extended_rows(clean), extended_rows(content), strict=True)

    assert all(
        one["offline_timestamp"] == other["offline_timestamp"] // 1_000 for one, other in pairs
    )


def test_video_file_moves_rows_and_changes_none() -> None:
    """Podcasts leave the Audio file; the old era has no other file to leave for."""
    (clean, _), (content, _) = told(), told(video_file=1)
    files = rows_in(content)

    assert not [name for name in files if "Audio" in name]
    assert "Streaming_History_Video_2025-2026.json" in files
    assert extended_rows(clean) == extended_rows(content)
    assert told(Era.OLD)[0] == told(Era.OLD, video_file=1)[0]


def test_renamed_changes_titles_of_the_account_form_alone() -> None:
    """Every show and episode has another name there, always the same one."""
    (clean, _), (content, _) = told(), told(renamed=1)
    names = defaultdict(set)
    for one, other in zip(account_rows(clean), account_rows(content), strict=True):
        names[one["podcastName"], one["episodeName"]].add(
            (other["podcastName"], other["episodeName"])
        )

        assert one["podcastName"] != other["podcastName"]
        assert one["episodeName"] != other["episodeName"]
        assert (one["endTime"], one["msPlayed"]) == (other["endTime"], other["msPlayed"])
    assert {1} == {len(it) for it in names.values()}
    assert extended_rows(clean) == extended_rows(content)


def test_split_tells_a_stream_in_pieces_in_one_form() -> None:
    """Two to four rows that follow each other and sum to the stream; the other form has one."""
    _, ledger = told(split=1)
    pieces = {form: Counter(row.ordinal for row in ledger.podcasts[form]) for form in Form}
    for stream in [it for it in ledger.streams if not it.unreported]:
        counts = sorted(pieces[form][stream.ordinal] for form in Form)

        assert counts[0] == 1
        assert counts[1] in ((2, 3, 4) if stream.ms >= 120_000 else (1,))
    for form in Form:
        assert len(ledger.podcasts[form]) > 1.2 * len(pieces[form])
        assert ledger.lost(form) == told()[1].lost(form)
        ends: dict[int, int] = {}
        for row in sorted(ledger.podcasts[form], key=lambda it: it.end_ms):
            begun = ends.get(row.ordinal, ledger.streams[row.ordinal].start_ms)
            ends[row.ordinal] = row.end_ms

            assert row.end_ms - begun == row.ms > 0
        assert all(ledger.streams[ordinal].end_ms == end for ordinal, end in ends.items())


def test_split_rows_are_those_of_the_files() -> None:
    """What the ledger says of pieces is what a reader finds."""
    content, ledger = told(split=1)

    assert [it.ms for it in ledger.podcasts[Form.EXTENDED]] == [
        row["ms_played"] for row in extended_rows(content)
    ]
    assert [it.ms for it in ledger.podcasts[Form.ACCOUNT]] == [
        row["msPlayed"] for row in account_rows(content)
    ]


def test_ms_differs_by_up_to_three_seconds() -> None:
    """In the account form, in every row of ten seconds and more, by at least a millisecond."""
    (clean, _), (content, ledger) = told(), told(ms_differs=1)
    off = [
        other["msPlayed"] - one["msPlayed"]
        for one, other in zip(account_rows(clean), account_rows(content), strict=True)
    ]

    assert all(1 <= abs(it) <= 3_000 for it in off)
    assert min(off) < -2_000 < 2_000 < max(off)
    assert without(account_rows(clean), "msPlayed") == without(account_rows(content), "msPlayed")
    assert extended_rows(clean) == extended_rows(content)
    assert sum(off) == sum(it.ms - it.true_ms for it in ledger.podcasts[Form.ACCOUNT])


def test_moved_ends_are_off_by_up_to_a_minute() -> None:
    """The told minute lies at most a minute before or after the one of the end."""
    (clean, _), (content, ledger) = told(), told(moved=1)
    off = [row.end_ms - ledger.streams[row.ordinal].end_ms for row in ledger.podcasts[Form.ACCOUNT]]

    assert all(1 <= abs(it) <= 60_000 for it in off)
    assert without(account_rows(clean), "endTime") == without(account_rows(content), "endTime")
    assert 0.4 * len(off) < len(
        set(frozen(account_rows(content))) - set(frozen(account_rows(clean)))
    )
    assert extended_rows(clean) == extended_rows(content)


def test_clock_drift_touches_offline_streams_in_one_form() -> None:
    """End and start together, by no more than the clock was wrong; never both forms."""
    (clean, _), (content, ledger) = told(), told(clock_drift=1, drift_s=600)
    drifted = {form: {row.ordinal for row in ledger.podcasts[form] if row.causes} for form in Form}
    offline = {it.ordinal for it in ledger.streams if it.offline and not it.unreported}
    online = [row for row in extended_rows(content) if not row["offline"]]

    assert offline == drifted[Form.ACCOUNT] ^ drifted[Form.EXTENDED]
    assert all(drifted.values())
    assert online == [row for row in extended_rows(clean) if not row["offline"]]
    for form in Form:
        for row in ledger.podcasts[form]:
            off_ms = abs(row.end_ms - ledger.streams[row.ordinal].end_ms)
            assert (1 <= off_ms <= 600_000) if row.causes else off_ms == 0
    assert without(extended_rows(clean), "ts", "offline_timestamp") == without(
        extended_rows(content), "ts", "offline_timestamp"
    )
    for told_row in extended_rows(content):
        wall_s = at(told_row["ts"]) - told_row["offline_timestamp"]
        assert abs(wall_s - told_row["ms_played"] / 1_000) <= 1


def test_dst_hour_tells_the_doubled_hour_early() -> None:
    """A row ending in the second 02:30 of Berlin's October night is an hour off, no other is."""
    world = World(5, epoch=EPOCH)
    doubled = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)
    for start in (doubled - timedelta(hours=1), doubled, doubled + timedelta(hours=1)):
        world.add_play(LISTENER, 0, 0, at=start, from_ms=0, to_ms=61_000)
    clean, content = (
        zipped(world, LISTENER, until=EPOCH, defects=replace(CLEAN, dst_hour=share))[0]
        for share in (0, 1)
    )
    night = [row["endTime"] for row in account_rows(content) if row["msPlayed"] == 61_000]

    assert ["2026-10-25 00:21", "2026-10-25 00:21", "2026-10-25 02:21"] == sorted(night)
    assert extended_rows(clean) == extended_rows(content)
    assert without(account_rows(clean), "endTime") == without(account_rows(content), "endTime")


def test_missing_streams_are_drawn_for_each_form() -> None:
    """A form lacks about its share, the ledger names them, and the other may have them."""
    (clean, _), (content, ledger) = told(), told(missing=0.3)
    gone = {
        Form.ACCOUNT: added(account_rows(clean), account_rows(content)),
        Form.EXTENDED: added(extended_rows(clean), extended_rows(content)),
    }
    lost = {
        form: [it for it in ledger.losses if it.form is form and it.cause is Cause.MISSING]
        for form in Form
    }

    for form, key in ((Form.ACCOUNT, "msPlayed"), (Form.EXTENDED, "ms_played")):
        assert 0.3 == pytest.approx(len(gone[form]) / len(ledger.streams), abs=0.06)
        assert sorted(row[key] for row in gone[form]) == sorted(it.ms for it in lost[form])
    assert {it.ordinal for it in lost[Form.ACCOUNT]} != {it.ordinal for it in lost[Form.EXTENDED]}


@pytest.mark.parametrize("era", list(Era))
def test_cut_files_end_in_the_middle_of_a_row(era: Era) -> None:
    """No list closes; what can still be read is the beginning, and the rest is a loss."""
    (clean, _), (content, ledger) = told(era), told(era, cut_files=1)
    whole, torn = rows_in(clean), texts_in(content)

    assert list(whole) == list(torn)
    for facts in ledger.files:
        name = facts.name.split("/")[1]
        with pytest.raises(json.JSONDecodeError):
            json.loads(torn[name])
        found = list(torn_rows(torn[name]))

        assert (len(found), 1) == (facts.rows, facts.broken)
        assert found == whole[name][: facts.rows]
        assert 0.88 * len(whole[name]) <= facts.rows < len(whole[name])
    lost = {form: [it for it in ledger.losses if it.form is form] for form in Form}
    assert all(
        len(it) == len(ledger.streams) - len(ledger.podcasts[form]) for form, it in lost.items()
    )


def test_music_and_audiobooks_stand_beside_the_podcasts() -> None:
    """As many as asked for in both forms; podcasts are what they were, one by one."""
    (clean, _), (content, ledger) = told(), told(music=3, audiobooks=0.5)
    plays = len(extended_rows(clean))
    rows = extended_rows(content)
    music = [row for row in rows if row["spotify_track_uri"]]
    books = [row for row in rows if row["audiobook_uri"]]

    assert extended_rows(clean) == podcasts(rows)
    assert account_rows(clean) == account_rows(content)
    assert 3 == pytest.approx(len(music) / plays, rel=0.02)
    assert 0.5 == pytest.approx(len(books) / plays, rel=0.2)
    assert len(rows) == plays + len(music) + len(books)
    assert all(row["master_metadata_track_name"] for row in music)
    assert all(row["audiobook_chapter_uri"] and row["audiobook_title"] for row in books)
    assert sorted(row["ms_played"] for row in music) == sorted(
        row["msPlayed"] for row in account_rows(content, "music")
    )
    assert len(books) == len(account_rows(content, "audiobook"))
    assert {"podcast": plays, "music": len(music), "audiobook": len(books), "broken": 0} == dict(
        ledger.counts[Form.EXTENDED]
    )
    assert "Spotify Account Data/StreamingHistory_music_0.json" in names_in(content)


def test_every_switch_is_tried_here() -> None:
    """A new defect needs a test of its own."""
    tests = Path(__file__).read_text(encoding="utf-8")

    assert [] == [
        it.name
        for it in fields(Defects)
        if f"{it.name}=" not in tests and f'"{it.name}"' not in tests
    ]

"""A whole export: what is read of it, in which batches, and what is told at the end."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.history.archive.limits import Limits
from src.history.archive.reader import Archive
from src.history.archive.reasons import BadRow, FileFault
from src.history.archive.report import Counts, Flag, Span
from src.history.archive.rows import FileFormat
from src.history.errors import ArchiveDamaged, ArchiveRefused, NotAnExport
from tests.history.archive.parts import (
    NO_EPISODE,
    NOW,
    account,
    audiobook,
    before_2023,
    extended,
    music,
    read,
    read_rows,
    read_text,
    text,
    zipped,
)
from tests.history.archive.zip_parts import tampered

SEARCHES = text([{"platform": "ANDROID", "searchTime": "2024-01-01", "searchQuery": "maps"}])
LIBRARY = b'{\n  "tracks": [],\n  "shows": [{"name": "Maps"}]\n}'


def test_an_export_as_spotify_sends_it(tmp_path: Path) -> None:
    """History is found in any folder under any name; all else is told of and left alone."""
    path = zipped(
        tmp_path,
        {
            "Spotify Extended Streaming History/ReadMeFirst_Extended.pdf": b"%PDF-1.7",
            "Spotify Extended Streaming History/Streaming_History_Audio_2015_0.json": text(
                [extended(), music(), audiobook(), extended(**NO_EPISODE)]
            ),
            "Spotify Extended Streaming History/Streaming_History_Video_2018.json": text(
                [extended(ms_played=1)]
            ),
            "MyData/endsong_0.json": text([before_2023(ms_played=2)], indent=None),
            "Spotify Account Data/StreamingHistory_podcast_0.json": text([account()]),
            "Spotify Account Data/SearchQueries.json": SEARCHES,
            "Spotify Account Data/YourLibrary.json": LIBRARY,
            "Spotify Account Data/StreamingHistory_music_0.json": text([]),
            "Spotify Account Data/Nothing.json": b"",
        },
    )
    found = read(path)

    assert [1_800_000, 1, 2, 1_800_000] == [play.ms for play in found.plays]
    assert [0, Flag.VIDEO, 0, 0] == [play.flags for play in found.plays]
    assert Counts(rows=7, podcasts=4, music=1, audiobooks=1, unidentified=1) == found.counts
    assert [
        (None, FileFault.NOT_HISTORY),
        (FileFormat.EXTENDED, None),
        (FileFormat.EXTENDED, None),
        (FileFormat.EXTENDED, None),
        (FileFormat.ACCOUNT, None),
        (None, FileFault.NOT_HISTORY),
        (None, FileFault.NOT_HISTORY),
        (None, FileFault.EMPTY),
        (None, FileFault.EMPTY),
    ] == [(report.format, report.fault) for report in found.reports]


def test_the_report_of_a_mixed_file_balances(tmp_path: Path) -> None:
    """A file of 8 podcast rows, 1 of them bad, 3 of music and 1 of nothing."""
    podcasts = [extended(ms_played=number) for number in range(7)]
    odd = [extended(ms_played="abc"), extended(**NO_EPISODE)]
    found = read_rows(tmp_path, *podcasts, music(), music(), music(), *odd)

    assert 12 == found.counts.rows
    assert (7, 3, 1) == (found.counts.podcasts, found.counts.music, found.counts.unidentified)
    assert {BadRow.WRONG_TYPE: 1} == found.counts.bad
    assert found.counts.is_balanced
    assert not Counts(rows=1).is_balanced


def test_files_are_known_again_by_their_digest(tmp_path: Path) -> None:
    """Each zip has its own, and so has each file in it, whatever stands beside it."""
    data, other = text([extended()]), text([music()])
    path = zipped(tmp_path, {"a.json": data, "b.json": other})
    archive = Archive.open(path)
    digests = [archive.sha256(source) for source in archive.sources]
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    told = archive.sha256()
    again = Archive.open(zipped(tmp_path, {"c.json": other, "d.json": data, "e.json": data}))

    assert whole == told
    assert 3 == len({whole, *digests})
    assert [digests[1], digests[0], digests[0]] == [again.sha256(it) for it in again.sources]


def test_a_file_by_itself_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    """Asked of the archive and of the only file in it, it is the same."""
    path = tmp_path / "endsong_0.json"
    path.write_bytes(text([extended()]))
    archive = Archive.open(path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()

    assert [expected, expected] == [archive.sha256(), archive.sha256(archive.sources[0])]


def test_a_file_that_is_not_where_the_zip_says_has_a_digest_too(tmp_path: Path) -> None:
    """That of nothing; it is never read."""
    path = zipped(tmp_path, {"x.json": text([music()]), "good.json": text([extended()])})
    archive = Archive.open(tampered(path, offset=3))

    assert hashlib.sha256(b"").hexdigest() == archive.sha256(archive.sources[0])


def test_equal_rows_are_numbered_within_a_file_only(tmp_path: Path) -> None:
    """Two in one file are two; the same row in another file is the same row."""
    data = text([extended(), extended()])
    found = read(zipped(tmp_path, {"a.json": data, "b.json": data}))

    assert [0, 1, 0, 1] == [play.n for play in found.plays]


def test_reading_goes_on_with_any_file(tmp_path: Path) -> None:
    """After a kill, the file of the last batch is read again from its start, and none before."""
    rows = [extended(ms_played=number % 7) for number in range(90)]
    files = {f"{at}.json": text(rows[at : at + 30]) for at in (0, 30, 60)}
    archive = Archive.open(
        zipped(tmp_path, files), limits=Limits(piece_bytes=4_096, batch_bytes=4_096)
    )
    whole = list(archive.batches(now=NOW))

    for first in range(3):
        expected = [batch for batch in whole if batch.index >= first]
        assert expected == list(archive.batches(now=NOW, first=first))


def test_progress_can_be_told(tmp_path: Path) -> None:
    """Offsets grow up to the size of each file, and sizes sum up."""
    files = {f"{at}.json": text([extended()] * 50) for at in range(3)}
    archive = Archive.open(
        zipped(tmp_path, files | {"x.pdf": b"%PDF"}),
        limits=Limits(piece_bytes=4_096, batch_bytes=4_096),
    )
    batches = [batch for batch in archive.batches(now=NOW) if batch.format]
    ends = [batch.offset for batch in batches if batch.report]

    assert len(batches) > 20
    assert archive.size == sum(ends)
    for one, other in pairwise(batches):
        assert one.index < other.index or one.offset < other.offset


def test_spans_are_told_by_piece_and_file(tmp_path: Path) -> None:
    """The file's is the shortest with all of its pieces in it, whatever their order."""
    rows = [extended(ts=f"20{year:02}-01-01T00:00:00Z") for year in (15, 24, 12, 20)] * 20
    found = read_text(tmp_path, text(rows), limits=Limits(piece_bytes=1_024, batch_bytes=1_024))
    spans = [batch.span for batch in found.batches if batch.span]

    assert Span(1_325_376_000, 1_704_067_200) == found.report.span
    assert found.report.span == Span(
        min(span.first_s for span in spans), max(span.last_s for span in spans)
    )


def test_places_of_bad_rows_come_with_their_batch(tmp_path: Path) -> None:
    """Batches tell together what the report tells."""
    rows = [extended(), None] * 40
    found = read_text(tmp_path, text(rows), limits=Limits(piece_bytes=1_024, batch_bytes=1_024))
    told = [place for batch in found.batches for place in batch.bad]

    assert list(range(2, 22, 2)) == [place.row for place in told]
    assert tuple(told) == found.report.bad
    assert {BadRow.NOT_A_ROW: 40} == found.counts.bad


@pytest.mark.parametrize(
    "data",
    [b"", b" \n", b"%PDF", LIBRARY, SEARCHES, b"[]", b"[1, 2]", b"[[[[", b'["ts"]', b"\xff\xfe"],
)
def test_a_file_without_history_is_no_export(tmp_path: Path, data: bytes) -> None:
    """Whether that shows at once or only when it is read."""
    with pytest.raises(NotAnExport) as refused:
        read_text(tmp_path, data)

    assert ("not_an_export", 422) == (refused.value.code, refused.value.status)


def test_an_archive_whose_history_is_damaged_from_the_start_is_told(tmp_path: Path) -> None:
    """It is no mistake of the user's: another download helps."""
    path = tampered(zipped(tmp_path, {"x.json": text([extended()])}), size=3)

    with pytest.raises(ArchiveDamaged):
        read(path)


def test_what_is_too_large_from_the_start_is_refused(tmp_path: Path) -> None:
    """Nothing of it was read."""
    with pytest.raises(ArchiveRefused) as refused:
        read_text(tmp_path, text([extended()]), limits=Limits(total_bytes=10))

    assert "archive_refused" == refused.value.code


def test_more_rows_than_memory_is_meant_for_end_the_file(tmp_path: Path) -> None:
    """Those before are kept, and the next file is read."""
    data = text([extended(ms_played=number) for number in range(100)])
    limits = Limits(plays=20, piece_bytes=4_096, batch_bytes=4_096)
    found = read(zipped(tmp_path, {"a.json": data, "b.json": data[:2_000]}), limits=limits)

    assert FileFault.TOO_MANY_ROWS is found.reports[0].fault
    assert 20 < found.reports[0].counts.podcasts < 40
    assert found.reports[1].counts.podcasts > 0


def test_an_upload_keeps_the_name_its_owner_gave_it(tmp_path: Path) -> None:
    """On disk it may be called anything."""
    path = tmp_path / "4711.part"
    path.write_bytes(text([extended()]))
    archive = Archive.open(path, name="Streaming_History_Video_2024.json")
    (batch,) = archive.batches(now=NOW)

    assert "Streaming_History_Video_2024.json" == batch.file
    assert [Flag.VIDEO] == [play.flags for play in batch.plays]


def test_a_missing_file_is_the_callers_matter(tmp_path: Path) -> None:
    """Only content is judged here."""
    with pytest.raises(FileNotFoundError):
        Archive.open(tmp_path / "none.zip")


def test_nothing_of_the_listener_leaves(tmp_path: Path) -> None:
    """Neither address nor user agent nor name is in anything that comes out, bad rows included."""
    secrets = {
        "username": "PLANTED-name",
        "ip_addr": "PLANTED-ip",
        "ip_addr_decrypted": "PLANTED-ip",
        "user_agent_decrypted": "PLANTED-agent",
        "platform": "PLANTED-device",
        "conn_country": "PLANTED-country",
    }
    rows = [extended(**secrets), before_2023(**secrets), music(**secrets)]
    bad = [extended(**secrets, ms_played="x"), extended(**secrets, ts="x")]
    found = read_text(tmp_path, text(rows + bad)[:-1] + b', {"ip_addr": "PLANTED-ip')

    assert {BadRow.WRONG_TYPE: 1, BadRow.BAD_TIME: 1, BadRow.UNREADABLE: 1} == found.counts.bad
    assert 2 == len(found.plays)
    assert "PLANTED" not in repr(found)


ROWS = st.lists(
    st.builds(
        lambda make, ms, name, ts: make(ms_played=ms, episode_name=name, ts=ts),
        st.sampled_from([extended, before_2023, music, audiobook]),
        st.one_of(st.integers(-2, 3), st.none(), st.just("abc")),
        st.one_of(st.none(), st.text(), st.sampled_from(["} , {", '},{"', '"},{"ts":'])),
        st.sampled_from(["2024-03-10T10:30:15Z", "2015-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS, size=st.integers(64, 4_000), indent=st.sampled_from([None, 2]))
def test_what_is_read_does_not_depend_on_the_size_of_a_piece(
    tmp_path: Path, rows: list[dict[str, Any]], size: int, indent: int | None
) -> None:
    """Plays, their numbers, counts, bad places and span are the same, zipped or not."""
    data = json.dumps(rows, indent=indent).encode()
    name = "Streaming_History_Audio_2024.json"
    whole = read_text(tmp_path, data)
    small = Limits(piece_bytes=size, batch_bytes=size)

    for found in (
        read_text(tmp_path, data, limits=small),
        read(zipped(tmp_path, {name: data}), limits=small),
    ):
        assert whole.plays == found.plays
        assert whole.report == found.report
    assert len(rows) == whole.counts.rows

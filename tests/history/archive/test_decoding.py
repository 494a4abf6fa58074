"""What is wrong in a file costs the rows it is in, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.history.archive.decoding import decode, reading_of
from src.history.archive.limits import Limits
from src.history.archive.pieces import Piece, pieces
from src.history.archive.reasons import BadRow, FileFault
from src.history.archive.rows import EXTENDED, Row, Unusable
from tests.history.archive.parts import Found, account, extended, read_rows, read_text, text

GOOD = 100
PLACE = 50
"""Where among the good rows the odd one is."""


def with_odd_row(odd: bytes, *, good: int = GOOD) -> bytes:
    """Return a file of good rows with one among them that is written in another way."""
    rows = [json.dumps(extended(ms_played=number)).encode() for number in range(good)]
    rows.insert(min(PLACE, good), odd)
    return b"[" + b",\n  ".join(rows) + b"]"


def odd(**changes: Any) -> bytes:
    """Return one row as text; changed values go in as they are given, or as JSON if no bytes."""
    row = extended(ms_played=5_000)
    marks = {f"<{key}>": value for key, value in changes.items()}
    data = json.dumps(row | dict(zip(changes, marks, strict=True))).encode()
    for mark, value in marks.items():
        written = value if isinstance(value, bytes) else json.dumps(value).encode()
        data = data.replace(json.dumps(mark).encode(), written)
    return data


def all_but_one(found: Found, reason: BadRow) -> None:
    """Check that the odd row is bad for this reason, and that all others are there."""
    assert list(range(GOOD)) == [play.ms for play in found.plays]
    assert {reason: 1} == found.counts.bad
    assert [(PLACE + 1, reason)] == [(place.row, place.reason) for place in found.report.bad]
    assert found.report.fault is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(odd(ms_played="abc"), BadRow.WRONG_TYPE, id="wrong type"),
        pytest.param(odd(ms_played=1.5), BadRow.WRONG_TYPE, id="fraction"),
        pytest.param(odd(ms_played=True), BadRow.WRONG_TYPE, id="truth"),
        pytest.param(odd(episode_name=["a"]), BadRow.WRONG_TYPE, id="list for a name"),
        pytest.param(odd(ts=1_700_000_000), BadRow.WRONG_TYPE, id="number for a time"),
        pytest.param(odd(ts="yesterday"), BadRow.BAD_TIME, id="no time"),
        pytest.param(odd(ts="2024-02-30T10:00:00Z"), BadRow.BAD_TIME, id="no such day"),
        pytest.param(odd(ts="2024-02-20T10:00:00"), BadRow.BAD_TIME, id="no zone"),
        pytest.param(odd(ms_played=b"NaN"), BadRow.UNREADABLE, id="NaN"),
        pytest.param(odd(shuffle=b"-Infinity"), BadRow.UNREADABLE, id="infinity"),
        pytest.param(odd(shuffle=b"tru"), BadRow.UNREADABLE, id="syntax"),
        pytest.param(b'{"ts": "2024', BadRow.UNREADABLE, id="broken off"),
        pytest.param(odd(ms_played=b"9" * 400), BadRow.ABSURD_DURATION, id="400 digits"),
        pytest.param(odd(ms_played=b"9" * 5_000), BadRow.UNREADABLE, id="5,000 digits"),
        pytest.param(b"null", BadRow.NOT_A_ROW, id="null"),
        pytest.param(b"17", BadRow.NOT_A_ROW, id="number"),
        pytest.param(b"[[], {}]", BadRow.NOT_A_ROW, id="list"),
        pytest.param(b'"a} , {b"', BadRow.NOT_A_ROW, id="text"),
        pytest.param(odd(shuffle=b"[" * 100_000), BadRow.UNREADABLE, id="depth"),
    ],
)
def test_a_bad_row_is_counted_and_all_others_are_read(
    tmp_path: Path, row: bytes, reason: BadRow
) -> None:
    """100 good rows and 1 bad one give 100 plays and one count, with its place."""
    all_but_one(read_text(tmp_path, with_odd_row(row)), reason)


@pytest.mark.parametrize(
    ("row", "name", "mended"),
    [
        pytest.param(odd(episode_name=b'"a\xffb"'), "a\ufffdb", 1, id="bytes that are no text"),
        pytest.param(odd(episode_name=b'"a\\ud800b"'), "a\ufffdb", 1, id="half a character"),
        pytest.param(odd(episode_name=b'"a\tb\nc"'), "a\tb\nc", 1, id="control characters"),
        pytest.param(odd(episode_name=b'"a\\u0000b"'), "ab", 0, id="NUL"),
        pytest.param(odd(platform=b"9" * 400), "On rivers", 0, id="400 digits elsewhere"),
        pytest.param(odd(offline=b"1e999"), "On rivers", 1, id="more than a number holds"),
        pytest.param(odd(platform={"a": [{"b": None}]}), "On rivers", 0, id="nested object"),
        pytest.param(odd(offline={"a": 1}), "On rivers", 0, id="nested object for a flag"),
        pytest.param(
            odd(episode_name=b'"On hills", "episode_name": "On rivers"'),
            "On rivers",
            0,
            id="a key twice: the last one counts",
        ),
    ],
)
def test_an_odd_row_is_read(tmp_path: Path, row: bytes, name: str, mended: int) -> None:
    """What can be mended, or is of no interest, costs nothing."""
    found = read_text(tmp_path, with_odd_row(row))

    assert GOOD + 1 == found.counts.podcasts
    assert name == found.plays[PLACE].episode_name
    assert {} == found.counts.bad
    assert mended == found.counts.mended


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_read(tmp_path: Path, codec: str) -> None:
    """With a byte order mark, and UTF-16 without one too."""
    rows = [extended(ms_played=number, episode_name="Flüsse 🗺") for number in range(GOOD)]
    found = read_text(tmp_path, text(rows).decode().encode(codec))

    assert list(range(GOOD)) == [play.ms for play in found.plays]
    assert {"Flüsse 🗺"} == {play.episode_name for play in found.plays}
    assert found.report.fault is None


def test_a_file_may_be_cut_off_anywhere(tmp_path: Path) -> None:
    """Every whole row is read; what is there of the next one is one bad row."""
    rows = [extended(ms_played=number) for number in range(3)]
    data = text(rows, indent=None)
    ends = [at for at in range(len(data) - 20) if data[at : at + 1] == b"}"]
    for length in (at + near for at in ends for near in (-20, 0, 1, 2, 3, 4, 7, 8)):
        whole = sum(end < length for end in ends)
        is_between = data[:length].rstrip(b", ").endswith(b"}")
        found = read_text(tmp_path, data[:length])

        assert list(range(whole)) == [play.ms for play in found.plays]
        assert ({} if is_between else {BadRow.UNREADABLE: 1}) == found.counts.bad
        assert FileFault.CUT_SHORT is found.report.fault


def test_many_bad_rows_are_counted_and_few_told(tmp_path: Path) -> None:
    """The report names the first 10 places of a file, and counts all."""
    found = read_rows(tmp_path, *([None] * 30), extended())

    assert {BadRow.NOT_A_ROW: 30} == found.counts.bad
    assert list(range(1, 11)) == [place.row for place in found.report.bad]
    assert {"Streaming_History_Audio_2024.json"} == {place.file for place in found.report.bad}
    assert 1 == len(found.plays)


@pytest.mark.parametrize("separator", [b"", b" ", b"garbage", b", ]", b"]["])
def test_what_is_between_rows_costs_the_next_one_at_most(tmp_path: Path, separator: bytes) -> None:
    """Rows before it are there, and so are those after the next border."""
    row = json.dumps(extended()).encode()
    found = read_text(tmp_path, b"[" + row + separator + row + b"," + row + b"]")

    assert 2 == found.counts.podcasts
    assert {BadRow.UNREADABLE: 1} == found.counts.bad


def test_a_comma_before_the_end_is_nothing(tmp_path: Path) -> None:
    """No row is lost to it, and none invented."""
    found = read_text(tmp_path, b"[" + json.dumps(extended()).encode() + b",\n]")

    assert 1 == found.counts.podcasts
    assert {} == found.counts.bad


def test_a_row_without_end_costs_itself(tmp_path: Path) -> None:
    """It is bad as too long, and those around it are read."""
    limits = Limits(piece_bytes=1_000, batch_bytes=1_000, row_bytes=5_000)
    endless = odd(episode_name="x" * 50_000)
    found = read_text(tmp_path, with_odd_row(endless), limits=limits)

    all_but_one(found, BadRow.TOO_LONG)


def test_blanks_without_end_are_told(tmp_path: Path) -> None:
    """Rows before and after are read, and one is counted for what may have been there."""
    limits = Limits(piece_bytes=1_000, batch_bytes=1_000, row_bytes=5_000)
    row = json.dumps(extended()).encode()
    data = b"[" + row + b" " * 50_000 + b"," + row + b"," + row + b"]"
    found = read_text(tmp_path, data, limits=limits)

    assert 2 == found.counts.podcasts
    assert {BadRow.TOO_LONG: 1} == found.counts.bad


def test_rows_about_nothing_else_leave_the_parser() -> None:
    """Address, agent, name, country and device of the listener are no fields of a row."""
    kept = set(Row.__struct_fields__)

    assert set() == kept & {
        *("ip_addr", "ip_addr_decrypted", "user_agent_decrypted", "username"),
        *("conn_country", "platform", "city", "region"),
    }


def test_the_format_is_told_by_the_keys() -> None:
    """A title that speaks of a key is none: its quotes are escaped."""
    planted = {"episodeName": '"ms_played":'}

    assert EXTENDED is reading_of(text([extended()]))
    assert reading_of(text([planted | account()])) not in {None, EXTENDED}
    assert reading_of(text([planted])) is None


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.just("2024-03-10T10:30:15Z")
)
LINES = st.one_of(
    st.dictionaries(
        st.sampled_from(["ts", "ms_played", "episode_name", "offline", "x"]), VALUES, min_size=1
    ).map(lambda row: json.dumps(row).encode()),
    st.sampled_from([b"null", b"7", b'{"ts": NaN}', b'{"ts" 1}', b'{"x": "\xff} , {"}', b"[1]"]),
    st.just(json.dumps(extended(episode_name='} , {"},{')).encode()),
)


@given(lines=st.lists(LINES), size=st.integers(1, 300))
def test_rows_good_and_bad_are_the_same_for_any_size_of_piece(
    lines: list[bytes], size: int
) -> None:
    """Neither a row nor the place or reason of a bad one depends on where a piece ends."""
    data = b"[" + b", ".join(lines) + b"]"

    def rows(size: int) -> list[tuple[object, ...]]:
        blocks = (data[at : at + size] for at in range(0, len(data), size))
        return [
            (row.ts, row.ms_played, row.episode_name, getattr(row, "reason", None))
            for piece in pieces(blocks, row_bytes=1 << 20)
            for row in decode(piece, EXTENDED).rows
        ]

    assert rows(1 << 20) == rows(size)


def test_a_mended_row_is_not_bad() -> None:
    """The two ways of reading agree about what is a row."""
    decoded = decode(
        Piece(bytearray(b'[{"ms_played": 1, "x": "\t"}, {"ms_played": 2}]'), 0), EXTENDED
    )

    assert [1, 2] == [row.ms_played for row in decoded.rows]
    assert not any(isinstance(row, Unusable) for row in decoded.rows)
    assert 1 == decoded.mended

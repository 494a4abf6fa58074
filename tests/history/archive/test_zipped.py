"""A member of a zip that is not what it should be costs itself, and no other."""

import bz2
import os
import stat
import zlib
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest

from src.history.archive.limits import Limits
from src.history.archive.reader import Archive
from src.history.archive.reasons import FileFault
from src.history.errors import ArchiveDamaged, ArchiveRefused, NotAnExport, TooManyMembers
from tests.history.archive.parts import Found, extended, read, text, zipped
from tests.history.archive.zip_parts import add, tampered

ROWS = [extended(ms_played=number) for number in range(200)]
GOOD = text(ROWS)
MIB = 1 << 20


def faults(found: Found) -> dict[str, FileFault | None]:
    """Return what was wrong with each file."""
    return {report.name: report.fault for report in found.reports}


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
def test_stored_and_deflated_members_are_read(tmp_path: Path, compression: int) -> None:
    """Exports have deflated ones; other programs make stored ones."""
    path = tmp_path / "export.zip"
    with ZipFile(path, "w", compression) as archive:
        archive.writestr("any/folder/any name.txt", GOOD)

    assert 200 == read(path).counts.podcasts


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../x.json",
        "a/../../x.json",
        "a/..",
        "a\\b.json",
        "C:/x.json",
        "a\0b.json",
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    """The member is left out and told of; the rest is read."""
    path = zipped(tmp_path, {"good.json": GOOD})
    info = ZipInfo("x.json")
    info.filename = info.orig_filename = name
    add(path, info, GOOD)
    found = read(path)

    assert 200 == found.counts.podcasts
    assert [None, FileFault.UNSAFE_NAME] == [report.fault for report in found.reports]


@pytest.mark.parametrize("name", ["a..b/..c.json", "Ünï cödé/…/x.json", "ab:c.json"])
def test_names_that_only_look_odd_are_read(tmp_path: Path, name: str) -> None:
    """Dots within a name lead nowhere."""
    assert 200 == read(zipped(tmp_path, {name: GOOD})).counts.podcasts


def test_a_link_is_refused(tmp_path: Path) -> None:
    """What it points to is never looked at."""
    path = zipped(tmp_path, {"good.json": GOOD})
    info = ZipInfo("link.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    add(path, info, b"/etc/passwd")

    assert {"good.json": None, "link.json": FileFault.LINK} == faults(read(path))


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    """Exports are never encrypted."""
    path = zipped(tmp_path, {"locked.json": GOOD, "good.json": GOOD})

    assert {"locked.json": FileFault.ENCRYPTED, "good.json": None} == faults(
        read(tampered(path, flags=1))
    )


@pytest.mark.parametrize("compression", [ZIP_BZIP2, ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, compression: int) -> None:
    """A few of their bytes unpack to hundreds of megabytes."""
    path = zipped(tmp_path, {"good.json": GOOD})
    with ZipFile(path, "a", compression) as archive:
        archive.writestr("x.json", GOOD)

    assert {"good.json": None, "x.json": FileFault.COMPRESSION} == faults(read(path))


def test_a_nested_archive_is_refused(tmp_path: Path) -> None:
    """It is known by its content, whatever its name."""
    inner = zipped(tmp_path, {"inner.json": GOOD}).read_bytes()
    path = zipped(tmp_path, {"Streaming_History_Audio_1.json": inner, "good.json": GOOD})

    assert {
        "Streaming_History_Audio_1.json": FileFault.NESTED,
        "good.json": None,
    } == faults(read(path))


def test_an_honest_bomb_is_not_opened(tmp_path: Path) -> None:
    """A megabyte that takes less than a 200th of itself is none of Spotify's."""
    bomb = b"[" + b" " * (2 * MIB) + b"]"
    found = read(zipped(tmp_path, {"bomb.json": bomb, "good.json": GOOD}))

    assert {"bomb.json": FileFault.BOMB, "good.json": None} == faults(found)
    assert 0 == found.reports[0].bytes_read


def test_what_packs_well_is_no_bomb(tmp_path: Path) -> None:
    """Up to a megabyte, any ratio is fine; and 200 is allowed."""
    limits = Limits()
    small = text([extended()] * 1_000)[: MIB - 1]
    found = read(zipped(tmp_path, {"small.json": small}))

    assert found.counts.podcasts > 500
    assert not limits.is_bomb(unpacked=200 * MIB, packed=MIB)
    assert limits.is_bomb(unpacked=200 * MIB + 1, packed=MIB)


def test_a_bomb_that_lies_about_its_packed_size_is_stopped(tmp_path: Path) -> None:
    """What counts is what was really unpacked from how much; rows before that are kept."""
    bomb = GOOD[:-2] + b"," + b" " * (4 * MIB) + b"]"
    path = zipped(tmp_path, {"bomb.json": bomb, "good.json": GOOD})
    found = read(tampered(path, packed=MIB))

    assert {"bomb.json": FileFault.BOMB, "good.json": None} == faults(found)
    assert found.reports[0].bytes_read <= 2 * MIB
    assert 400 == found.counts.podcasts


@pytest.mark.parametrize("size", [len(GOOD) // 2, len(GOOD) - 1, len(GOOD) + 1, 3 * len(GOOD)])
@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
def test_a_size_that_is_a_lie_is_told(tmp_path: Path, size: int, compression: int) -> None:
    """What is really there is counted; rows that came before the lie showed are kept."""
    path = tmp_path / "export.zip"
    with ZipFile(path, "w", compression) as archive:
        archive.writestr("lie.json", GOOD)
        archive.writestr("good.json", GOOD)
    found = read(tampered(path, size=size), limits=Limits(piece_bytes=8_192, batch_bytes=8_192))

    assert {"lie.json": FileFault.DAMAGED, "good.json": None} == faults(found)
    assert found.counts.podcasts > 200


def test_a_wrong_checksum_is_told_and_rows_are_kept(tmp_path: Path) -> None:
    """Something changed on the way; rows that can be read are as good as any."""
    found = read(tampered(zipped(tmp_path, {"x.json": GOOD}), crc=zlib.crc32(GOOD) ^ 1))

    assert {"x.json": FileFault.DAMAGED} == faults(found)
    assert 200 == found.counts.podcasts


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_damaged_member_keeps_its_beginning(tmp_path: Path, at: float) -> None:
    """Every row before the damage is read."""
    noise = [extended(episode_name=os.fsencode(str(n)).hex() * 9) for n in range(500)]
    path = zipped(tmp_path, {"x.json": text(noise), "good.json": GOOD})
    data = bytearray(path.read_bytes())
    place = int(data.index(b"good.json") * at)
    data[place : place + 40] = b"\xff" * 40
    path.write_bytes(data)
    found = read(path, limits=Limits(piece_bytes=4_096, batch_bytes=4_096))

    assert {"x.json": FileFault.DAMAGED, "good.json": None} == faults(found)
    assert 200 < found.counts.podcasts < 700


@pytest.mark.parametrize("offset", [1, 60, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_member_whose_place_is_a_lie_is_told(tmp_path: Path, offset: int) -> None:
    """Where it should begin there is something else, or nothing."""
    path = tampered(zipped(tmp_path, {"x.json": GOOD, "good.json": GOOD}), offset=offset)

    assert {"x.json": FileFault.DAMAGED, "good.json": None} == faults(read(path))


def test_a_directory_that_is_not_where_it_should_be_is_told(tmp_path: Path) -> None:
    """Then places of members come out before the start of the file."""
    path = zipped(tmp_path, {"x.json": GOOD})
    data = bytearray(path.read_bytes())
    data[-6:-2] = (0x00FF_FFFF).to_bytes(4, "little")
    path.write_bytes(data)

    with pytest.raises(ArchiveDamaged):
        Archive.open(path)


def test_more_members_than_any_export_has_are_refused(tmp_path: Path) -> None:
    """2,000 are opened, folders included; one more is refused, and so is a giant directory."""
    path = zipped(tmp_path, {f"{number}.json": b"[" for number in range(5)} | {"x.json": GOOD})

    assert 6 == len(Archive.open(path, limits=Limits(members=6)).sources)
    with pytest.raises(TooManyMembers, match="more than the 5 files"):
        Archive.open(path, limits=Limits(members=5))
    with pytest.raises(TooManyMembers):
        Archive.open(path, limits=Limits(directory_bytes=100))


def test_what_unpacks_to_too_much_is_read_up_to_the_limit(tmp_path: Path) -> None:
    """Of all files together; those that come later are told of as well."""
    limits = Limits(total_bytes=len(GOOD) * 2 - 10, piece_bytes=4_096, batch_bytes=4_096)
    found = read(zipped(tmp_path, {"1.json": GOOD, "2.json": GOOD, "3.json": GOOD}), limits=limits)

    assert {
        "1.json": None,
        "2.json": FileFault.TOO_LARGE,
        "3.json": FileFault.TOO_LARGE,
    } == faults(found)
    assert 200 < found.counts.podcasts < 400


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_a_zip_that_was_not_downloaded_to_its_end_is_told(tmp_path: Path, keep: float) -> None:
    """Its directory is at its end; the message says what to do."""
    path = zipped(tmp_path, {"x.json": GOOD})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    with pytest.raises(ArchiveDamaged, match="Download it from Spotify again"):
        Archive.open(path)


@pytest.mark.parametrize("junk", [b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18, b"PK\x03\x04" * 99])
def test_what_only_begins_like_a_zip_is_damaged(tmp_path: Path, junk: bytes) -> None:
    """Whatever it says of itself."""
    path = tmp_path / "x.zip"
    path.write_bytes(junk)

    with pytest.raises(ArchiveDamaged):
        Archive.open(path)


def test_a_zip_of_nothing_safe_is_refused(tmp_path: Path) -> None:
    """Neither history nor a mere mistake."""
    with pytest.raises(ArchiveRefused) as refused:
        Archive.open(zipped(tmp_path, {"../x.json": GOOD}))

    assert ("archive_refused", 422) == (refused.value.code, refused.value.status)


def test_a_zip_of_other_things_is_no_export(tmp_path: Path) -> None:
    """Nor is an empty one."""
    for files in ({"a.pdf": b"%PDF", "Userdata.json": b"{}", "folder/": b""}, {}):
        with pytest.raises(NotAnExport, match="just as Spotify sent it"):
            Archive.open(zipped(tmp_path, files))


def test_a_bzip2_bomb_by_itself_is_refused(tmp_path: Path) -> None:
    """Nothing of it is unpacked."""
    path = tmp_path / "x.zip"
    with ZipFile(path, "w", ZIP_BZIP2) as archive:
        archive.writestr("x.json", b" " * MIB)

    assert len(bz2.compress(b" " * MIB)) < 100
    with pytest.raises(ArchiveRefused):
        Archive.open(path)


def test_packed_bytes_that_are_none_are_told(tmp_path: Path) -> None:
    """The member cannot be unpacked at all; the rest is read."""
    path = zipped(tmp_path, {"x.json": GOOD, "good.json": GOOD})
    data = bytearray(path.read_bytes())
    data[30 + len("x.json")] = 0b111  # a kind of block that does not exist
    path.write_bytes(data)

    assert {"x.json": FileFault.DAMAGED, "good.json": None} == faults(read(path))


def test_packed_bytes_that_end_early_are_told(tmp_path: Path) -> None:
    """What they hold up to there is read."""
    path = zipped(tmp_path, {"x.json": GOOD, "good.json": GOOD})
    with ZipFile(path) as archive:
        packed = archive.infolist()[0].compress_size
    found = read(tampered(path, packed=packed - 100))

    assert {"x.json": FileFault.DAMAGED, "good.json": None} == faults(found)
    assert 200 < found.counts.podcasts < 400

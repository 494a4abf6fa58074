"""A file is known by how it begins."""

import pytest

from src.history.archive.text import Content, as_utf8, look, printable, storable

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"[{", (Content.LIST, "utf-8")),
        (BOM + b"\r\n\t [", (Content.LIST, "utf-8")),
        (b"\n" * 4_000 + b"[", (Content.LIST, "utf-8")),
        ("\ufeff [{".encode("utf-16-le"), (Content.LIST, "utf-16-le")),
        ("\ufeff [{".encode("utf-16-be"), (Content.LIST, "utf-16-be")),
        ("[{".encode("utf-16-le"), (Content.LIST, "utf-16-le")),
        ("[{".encode("utf-16-be"), (Content.LIST, "utf-16-be")),
        (b'{"tracks": []}', (Content.OBJECT, "utf-8")),
        (b"PK\x03\x04\x14", (Content.ZIP, "utf-8")),
        (b"PK\x05\x06", (Content.ZIP, "utf-8")),
        (b"%PDF-1.7", (Content.OTHER, "utf-8")),
        (b"\xff\xd8\xff\xe0", (Content.OTHER, "utf-8")),
        (b"", (Content.EMPTY, "utf-8")),
        (BOM + b" \n", (Content.EMPTY, "utf-8")),
    ],
)
def test_content_is_told_by_the_first_bytes(head: bytes, expected: tuple[Content, str]) -> None:
    """After a byte order mark and blanks, the first characters tell."""
    assert expected == look(head)


@pytest.mark.parametrize("size", [1, 2, 3, 64])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_in_blocks_of_any_size(codec: str, size: int) -> None:
    """A character may be in two blocks; one that is cut off at the end is replaced."""
    written = "Flüsse 🗺".encode(codec) + b"\x41"
    blocks = [written[at : at + size] for at in range(0, len(written), size)]

    assert "Flüsse 🗺\ufffd" == b"".join(as_utf8(blocks, codec)).decode()


def test_text_that_no_database_takes_is_mended() -> None:
    """NULs go, halves of characters are replaced, all else stays."""
    assert "ab\ufffdc🗺\n" == storable("a\0b\ud800c🗺\n")


def test_file_names_can_be_shown() -> None:
    """What would move a cursor or end a line is replaced; nothing is longer than 255."""
    assert "a\ufffdb" == printable("a\nb")
    assert "\ufffd" == printable("")
    assert 255 == len(printable("x" * 1_000))

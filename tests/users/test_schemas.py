"""What people may call themselves, and where and when they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from src.users.schemas import MailAddress, TimeZone, UserName, canonical_name

_NAME: TypeAdapter[str] = TypeAdapter(UserName)
_MAIL: TypeAdapter[str] = TypeAdapter(MailAddress)
_ZONE: TypeAdapter[str] = TypeAdapter(TimeZone)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada", "ada"),
        ("  ada ", "ada"),
        ("José", "josé"),
        ("\uff21\uff24\uff21", "ada"),
        ("straße", "strasse"),
        ("ada.l+podcasts@example.org", "ada.l+podcasts@example.org"),
    ],
)
def test_names_are_kept_in_one_form(typed: str, kept: str) -> None:
    """Case, width and surrounding space make no second person."""
    assert kept == _NAME.validate_python(typed)


@pytest.mark.parametrize(
    "typed", ["", "a", "a b", "a/b", "<b>", "a\nb", "x" * 65, "a\x00b", "😀😀"]
)
def test_other_names_are_refused(typed: str) -> None:
    """Nothing that could be mistaken for markup, a path or a header."""
    with pytest.raises(ValidationError):
        _NAME.validate_python(typed)


@given(st.text(max_size=40))
def test_canonical_form_is_final(text: str) -> None:
    """Looking up a kept name finds it again."""
    once = canonical_name(text)

    assert once.strip() == canonical_name(once)


@pytest.mark.parametrize(
    "text", ["ada@example.org", "a.b+c@mail.example.co.uk", "x@xn--e1.example"]
)
def test_plain_addresses_are_taken(text: str) -> None:
    """An address is kept as typed."""
    assert text == _MAIL.validate_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@localhost",
        "@example.org",
        "ada@",
        "a@b@c.example",
        "a@b.example, c@d.example",
        "a@b.example;c@d.example",
        "a@b.example\nBcc: c@d.example",
        "Ada <ada@example.org>",
        '"a b"@example.org',
        "ada@example..org",
        "ädä@example.org",
        "x" * 65 + "@example.org",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    """Lists, names, comments and line breaks would reach more than one person."""
    with pytest.raises(ValidationError):
        _MAIL.validate_python(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "US/Eastern", "Asia/Calcutta", "EST5EDT"])
def test_old_zone_names_are_names(name: str) -> None:
    """Browsers still send names that were replaced long ago."""
    assert name == _ZONE.validate_python(name)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../UTC", "/etc/localtime", "Europe", "UTC "])
def test_what_is_no_zone_is_refused(name: str) -> None:
    """Folders and paths of the zone database are no zones."""
    with pytest.raises(ValidationError):
        _ZONE.validate_python(name)

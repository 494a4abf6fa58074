"""Sealing: only the right key, user and purpose open; key files are guarded."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.crypto import SealBroken, Vault, load_or_create_keys, parse_keys
from src.errors import SettingsRefused
from src.utils.types import UserId

ADA, BOB = UserId(1), UserId(2)


def new_key(version: int) -> str:
    """Return a fresh key line."""
    return f"{version}:{Fernet.generate_key().decode()}"


def test_what_is_sealed_opens_again() -> None:
    """The same user and purpose get the text back, sealed under the newest version."""
    vault = Vault(parse_keys(f"{new_key(2)}\n{new_key(1)}", source="test"))

    sealed = vault.seal("token", user_id=ADA, purpose="access")

    assert 2 == sealed.key_version
    assert "token" == vault.open(sealed.ciphertext, user_id=ADA, purpose="access")


@pytest.mark.parametrize(("user", "purpose"), [(BOB, "access"), (ADA, "refresh")])
def test_a_sealed_text_opens_for_nobody_and_nothing_else(user: UserId, purpose: str) -> None:
    """A row moved to another user or column does not open."""
    vault = Vault(parse_keys(new_key(1), source="test"))
    sealed = vault.seal("token", user_id=ADA, purpose="access")

    with pytest.raises(SealBroken):
        vault.open(sealed.ciphertext, user_id=user, purpose=purpose)


def test_an_altered_or_foreign_text_does_not_open() -> None:
    """Neither one changed character nor another key's work is accepted."""
    vault, other = (Vault(parse_keys(new_key(1), source="test")) for _ in range(2))
    sealed = vault.seal("token", user_id=ADA, purpose="access").ciphertext

    for text in (sealed[:-5] + "AAAA=", "", "gAAAA"):
        with pytest.raises(SealBroken):
            vault.open(text, user_id=ADA, purpose="access")
    with pytest.raises(SealBroken):
        other.open(sealed, user_id=ADA, purpose="access")


def test_an_older_key_still_opens_after_a_newer_was_added() -> None:
    """Adding a key loses nothing and leaves derived keys alone."""
    old, new = new_key(1), new_key(2)
    before, after = (Vault(parse_keys(t, source="test")) for t in (old, f"{new}\n{old}"))
    sealed = before.seal("token", user_id=ADA, purpose="access").ciphertext

    assert "token" == after.open(sealed, user_id=ADA, purpose="access")
    assert before.derive("cursor") == after.derive("cursor")


def test_derived_keys_differ_by_label() -> None:
    """A leaked cursor key opens nothing else."""
    vault = Vault(parse_keys(new_key(1), source="test"))

    assert 32 == len(vault.derive("cursor"))
    assert vault.derive("cursor") != vault.derive("throttle")


def test_neither_keys_nor_sealed_texts_show_themselves() -> None:
    """A representation in a log or traceback tells no secret."""
    line = new_key(1)
    keys = parse_keys(line, source="test")
    sealed = Vault(keys).seal("token", user_id=ADA, purpose="access")

    assert line.split(":")[1] not in repr(keys)
    assert sealed.ciphertext not in repr(sealed)


def test_a_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    """The first start makes it with mode 0600; the next reads the same key."""
    path = tmp_path / "data" / "keys"

    first, second = load_or_create_keys(path), load_or_create_keys(path)

    assert 0o600 == path.stat().st_mode & 0o777
    assert 0o700 == path.parent.stat().st_mode & 0o777
    assert first == second


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The message holds the command that mends it."""
    path = tmp_path / "keys"
    load_or_create_keys(path)
    path.chmod(0o640)

    with pytest.raises(SettingsRefused, match="chmod 600"):
        load_or_create_keys(path)


def test_a_link_is_no_key_file(tmp_path: Path) -> None:
    """A link could be turned to another file behind our back."""
    load_or_create_keys(tmp_path / "real")
    (tmp_path / "keys").symlink_to(tmp_path / "real")

    with pytest.raises(SettingsRefused, match="link"):
        load_or_create_keys(tmp_path / "keys")


def test_a_key_file_inside_the_checkout_is_refused() -> None:
    """It could be committed."""
    path = Path(__file__).parent / "never-made" / "keys"

    with pytest.raises(SettingsRefused, match="checkout"):
        load_or_create_keys(path)

    assert not path.parent.exists()


def test_a_missing_key_file_is_not_replaced_when_it_must_exist(tmp_path: Path) -> None:
    """A new key could not open what is stored."""
    with pytest.raises(SettingsRefused, match="Restore"):
        load_or_create_keys(tmp_path / "keys", create=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("change-me", "placeholder"),
        ("your-secret-key", "placeholder"),
        ("abcd", "cannot be used"),
        ("1:" + "A" * 40, "cannot be used"),
        ("x:" + "A" * 43 + "=", "cannot be used"),
        ("", "no encryption key"),
    ],
)
def test_an_unusable_key_is_refused_with_a_cure(text: str, words: str) -> None:
    """Placeholders, short keys and empty files are told apart."""
    with pytest.raises(SettingsRefused, match=words):
        parse_keys(text, source="test")

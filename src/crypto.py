"""Encryption of tokens at rest: Fernet keys, their file, and sealed texts."""

import base64
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from src.errors import PlayheadError, SettingsRefused
from src.utils.types import UserId

_PLACEHOLDERS = ("change", "replace", "placeholder", "example", "your", "secret", "xxx")
_KEY_LENGTH = 44
_CHECKOUT = Path(__file__).resolve().parents[1]


class SealBroken(PlayheadError):
    """A sealed text does not open, or belongs to another user or purpose."""

    code = "seal_broken"
    title = "Stored secret unreadable"


class KeyMissing(SealBroken):
    """No present key opens a sealed text: the key file is another one, or lacks a line."""

    status = 503
    code = "key_missing"
    title = "Encryption key missing"

    def __init__(self) -> None:
        """Say who can mend it, and what helps if nobody can."""
        super().__init__(
            "The stored sign-in at Spotify was sealed with a key that this Playhead was started "
            "without. Whoever runs it restores the key file and starts it again; then all goes "
            "on. If the key is lost, connect Spotify again."
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted text and the version of the key that closed it."""

    ciphertext: str = field(repr=False)
    key_version: int


@dataclass(frozen=True, slots=True)
class Key:
    """One Fernet key with its version; the highest version seals."""

    version: int
    secret: bytes = field(repr=False)


def parse_keys(text: str, *, source: str) -> list[Key]:
    """Read keys, newest first, one `version:key` (or a bare key) a line or comma.

    Raises:
        SettingsRefused: There is none, or one is a placeholder or no Fernet key.
    """
    parts = [part.strip() for part in text.replace(",", "\n").splitlines() if part.strip()]
    keys: list[Key] = []
    for index, part in enumerate(parts):
        version_text, _, secret = part.rpartition(":")
        if len(secret) != _KEY_LENGTH and any(word in secret.lower() for word in _PLACEHOLDERS):
            raise SettingsRefused(
                f"The encryption key in {source} is a placeholder. Delete the line and start "
                "again: Playhead makes a key file by itself."
            )
        try:
            version = int(version_text) if version_text else len(parts) - index
            Fernet(secret)
        except ValueError as error:
            raise SettingsRefused(
                f"The encryption key on line {index + 1} of {source} cannot be used: it must be "
                "32 random bytes in URL-safe base64 (44 characters). Restore it from where you "
                "keep it; without it the stored Spotify tokens cannot be opened."
            ) from error
        keys.append(Key(version=version, secret=secret.encode()))
    if not keys:
        raise SettingsRefused(f"{source} holds no encryption key. Restore the file.")
    return sorted(keys, key=lambda key: -key.version)


def _inside_checkout(path: Path) -> bool:
    """Tell whether `path` lies in this program's own checkout, where it could be committed."""
    return _CHECKOUT in path.resolve().parents


def load_or_create_keys(path: Path, *, create: bool = True) -> list[Key]:
    """Read the key file, making it (mode 0600, folder 0700) when it does not exist.

    Raises:
        SettingsRefused: The file is a link, readable by others, unreadable by us,
            inside the source checkout, or holds no usable key.
    """
    if _inside_checkout(path):
        raise SettingsRefused(
            f"The key file {path} lies inside the source checkout, where it could be committed. "
            "Set DATA_DIR or KEY_FILE to a folder outside it."
        )
    if create and not path.exists() and not path.is_symlink():
        _create(path)
    try:
        details = path.lstat()
        if stat.S_ISLNK(details.st_mode):
            raise SettingsRefused(f"The key file {path} is a link; name the file itself.")
        if details.st_mode & 0o077:
            raise SettingsRefused(
                f"The key file {path} can be read by other accounts. Run: chmod 600 {path}"
            )
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise SettingsRefused(f"There is no key file {path}. Restore it, or start anew.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(
            f"The key file {path} cannot be read ({type(error).__name__}). It must belong to "
            "the account that runs Playhead and hold one key a line."
        ) from error
    return parse_keys(text, source=str(path))


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was first, and its key is as good
    with os.fdopen(handle, "wb") as file:
        file.write(b"1:" + Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())


class Vault:
    """Seals and opens texts for one user and purpose, and derives keys for signatures."""

    def __init__(self, keys: list[Key]) -> None:
        """Use `keys`, newest first; the newest seals, all open."""
        self._keys = keys
        self._fernet = MultiFernet([Fernet(key.secret) for key in keys])

    @property
    def key_version(self) -> int:
        """Version of the key that seals now."""
        return self._keys[0].version

    def seal(self, text: str, *, user_id: UserId, purpose: str) -> Sealed:
        """Encrypt `text` so that it opens only for the same user and purpose."""
        inside = json.dumps({"u": user_id, "p": purpose, "t": text}, separators=(",", ":"))
        return Sealed(self._fernet.encrypt(inside.encode()).decode("ascii"), self.key_version)

    def open(self, ciphertext: str, *, user_id: UserId, purpose: str) -> str:
        """Decrypt what `seal` closed.

        Raises:
            KeyMissing: It was sealed by an unknown key, or altered.
            SealBroken: It was sealed for somebody or something else.
        """
        try:
            inside = json.loads(self._fernet.decrypt(ciphertext.encode()))
        except (InvalidToken, ValueError) as error:
            raise KeyMissing from error
        if inside.get("u") != user_id or inside.get("p") != purpose:
            raise SealBroken("A stored secret belongs to another row.")
        return str(inside["t"])

    def derive(self, label: str) -> bytes:
        """Return 32 bytes for one use (`cursor`, `throttle`); they open no token.

        They come from the oldest key, so that adding a key leaves them alone.
        """
        secret = base64.urlsafe_b64decode(self._keys[-1].secret)
        return HKDF(hashes.SHA256(), 32, salt=None, info=b"playhead:" + label.encode()).derive(
            secret
        )

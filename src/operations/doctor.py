"""Diagnosis of a set-up: what is so, and how to mend what is not."""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from src.config import SETTINGS_FILE, Settings
from src.crypto import Vault, load_or_create_keys, parse_keys
from src.errors import SettingsRefused
from src.operations import migrations, queries
from src.operations.fitting_keys import opens
from src.spotify.config import ACCOUNTS_URL, CALLBACK_PATH, SpotifySettings

FREE_BYTES_WANTED = 2_000_000_000
OLDEST_PYTHON = (3, 11)

SetUp = TypeVar("SetUp", bound=BaseSettings)


class Level(StrEnum):
    """How bad it is: `warn` runs, `fail` does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, what was found, and the cure if there is something to mend."""

    level: Level
    name: str
    found: str
    cure: str = ""

    def __str__(self) -> str:
        """Return the line that is shown."""
        cure = f" -> {self.cure}" if self.cure else ""
        return f"{self.level:<4} {self.name}: {self.found}{cure}"


def examine() -> list[Finding]:
    """Check everything that can be checked without changing anything.

    Opens the database and looks for a listener on the port; the only address
    asked outside this machine is the name server, for Spotify's host.
    """
    return list(_examine())


def _examine() -> Iterator[Finding]:
    yield _python()
    settings, findings = _read(Settings)
    spotify, more = _read(SpotifySettings)
    yield from (*findings, *more)
    yield from _zone()
    if settings is not None:
        yield from _address(settings)
        yield from _data(settings)
        yield from _keys(settings)
        yield from _database(settings)
        yield _port(settings)
    if spotify is not None:
        yield _client_id(spotify)
        yield _network(spotify)


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return Finding(Level.FAIL, "python", found, "install Python 3.11 or later")
    return Finding(Level.OK, "python", found)


def _read(kind: Callable[[], SetUp]) -> tuple[SetUp | None, list[Finding]]:
    """Read one class of settings; each refused setting is a finding."""
    try:
        return kind(), [Finding(Level.OK, "settings", f"{kind.__name__} can be used")]
    except ValidationError as error:
        findings = [
            Finding(
                Level.FAIL,
                "settings",
                f"{'.'.join(str(part) for part in item['loc']).upper()} cannot be used",
                item["msg"].removeprefix("Value error, ")
                + f" (in the environment or {SETTINGS_FILE})",
            )
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        return None, findings


def _zone() -> Iterator[Finding]:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        yield Finding(Level.FAIL, "time zones", "not found", "pip install tzdata")
    else:
        yield Finding(Level.OK, "time zones", "known")


def _address(settings: Settings) -> Iterator[Finding]:
    yield Finding(Level.OK, "public url", settings.public_url)
    redirect = settings.public_url + CALLBACK_PATH
    yield Finding(Level.OK, "redirect uri", f"{redirect} (copy it into your Spotify app)")


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.exists():
        parent = next(p for p in folder.parents if p.exists())
        yield Finding(Level.OK, "data folder", f"{folder} will be made at the first start")
        yield _space(parent)
        return
    try:
        probe = folder / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        cure = f"give the account that runs Playhead the folder: chown, or set DATA_DIR ({folder})"
        yield Finding(Level.FAIL, "data folder", f"not writable ({error.strerror})", cure)
        return
    if folder.stat().st_mode & 0o077:
        yield Finding(
            Level.WARN, "data folder", "open to other accounts", f"run: chmod 700 {folder}"
        )
    else:
        yield Finding(Level.OK, "data folder", str(folder))
    yield _space(folder)


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free"
    if free < FREE_BYTES_WANTED:
        return Finding(Level.WARN, "disk", found, "make room: 2 GB are wanted")
    return Finding(Level.OK, "disk", found)


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        if settings.encryption_keys is not None:
            text = settings.encryption_keys.get_secret_value()
            keys = parse_keys(text, source="ENCRYPTION_KEYS")
        elif settings.effective_key_file.exists() or settings.effective_key_file.is_symlink():
            keys = load_or_create_keys(settings.effective_key_file, create=False)
        else:
            yield Finding(Level.OK, "keys", "will be made at the first start")
            return
    except SettingsRefused as error:
        yield Finding(Level.FAIL, "keys", "cannot be used", error.message)
        return
    vault = Vault(keys)
    yield Finding(Level.OK, "keys", f"{len(keys)}, the newest is version {vault.key_version}")
    key_check = _key_check(settings)
    if key_check is not None and not opens(vault, key_check):
        cure = "restore the key file that belongs to this database; `playhead serve` says more"
        yield Finding(Level.FAIL, "keys", "do not open what the database holds", cure)


def _key_check(settings: Settings) -> str | None:
    if settings.database_url is None and not (settings.data_dir / "playhead.db").exists():
        return None
    try:
        return queries.key_check_of(settings.effective_database_url)
    except Exception:  # noqa: BLE001 - not reached or not migrated: the next finding tells
        return None


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.effective_database_url
    kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    if kind == "SQLite" and not (settings.data_dir / "playhead.db").exists():
        yield Finding(Level.OK, "database", f"{kind}, will be made at the first start")
        return
    try:
        if kind == "PostgreSQL":
            migrations.demand_least_privilege(url)
        found, needed = queries.revision_of(url), migrations.newest_revision()
    except SettingsRefused as error:
        yield Finding(Level.FAIL, "database", "wrong role", error.message)
    except Exception as error:  # noqa: BLE001 - whatever the driver says is the finding
        cure = "start it, or mend DATABASE_URL"
        yield Finding(Level.FAIL, "database", f"{kind} not reached ({type(error).__name__})", cure)
    else:
        if found == needed:
            yield Finding(Level.OK, "database", f"{kind}, revision {found}")
        else:
            yield Finding(
                Level.WARN, "database", f"{kind}, revision {found or 'none'}", "playhead migrate"
            )


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", settings.port)) == 0
    if taken:
        cure = "fine if it is Playhead itself; else set PORT"
        return Finding(Level.WARN, "port", f"{settings.port} is in use", cure)
    return Finding(Level.OK, "port", f"{settings.port} is free")


def _client_id(spotify: SpotifySettings) -> Finding:
    if spotify.spotify_client_id is None:
        return Finding(
            Level.WARN,
            "client id",
            "none yet; imports and the demo work without one",
            "1. make an app at developer.spotify.com (its owner needs Premium; five people fit) "
            "2. enter the redirect uri shown above 3. set SPOTIFY_CLIENT_ID to the app's client id",
        )
    return Finding(Level.OK, "client id", f"{spotify.spotify_client_id[:6]}…")


def _network(spotify: SpotifySettings) -> Finding:
    if spotify.is_simulated:
        return Finding(Level.OK, "spotify", f"simulated at {spotify.spotify_accounts_url}")
    host = urlsplit(ACCOUNTS_URL).hostname or ""
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        cure = "check this machine's network and name server"
        return Finding(Level.WARN, "spotify", f"{host} cannot be found", cure)
    return Finding(Level.OK, "spotify", f"{host} is known")

"""The commands and snippets that people know by heart, run as written."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from src.crypto import Vault, load_or_create_keys
from src.database import sync_session
from src.spotify.models import SpotifyConnection
from src.utils.types import UserId
from tests.endtoend.conftest import Installation
from tests.faults.processes import ROOT, clean_environment, until

pytestmark = pytest.mark.slow

IN_THE_SHELL = 2
BREAKER = """
from src.utils.circuit_breaker import get_circuit_breaker
get_circuit_breaker("spotify_api").get_stats()
"""
REFRESH = """
from src.spotify.oauth import SpotifyOAuth
await SpotifyOAuth().refresh_access_token(refresh_token, user_id)
"""
NEEDS_SYNC = """
from src.database import sync_session
from src.spotify.models import SpotifyConnection
with sync_session(user_id) as db:
    db.query(SpotifyConnection).filter_by(user_id=user_id).first().needs_sync()

"""


def shell(typed: str, environment: dict[str, str], **names: str | int) -> str:
    """Type lines into Python's shell, the one that awaits if need be; return what it printed.

    Args:
        typed: The lines, as they are documented.
        environment: What the shell's process sees.
        names: Values that the lines suppose.
    """
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    # Python 3.13's asyncio shell takes no indented blocks from a pipe.
    kind = ["-m", "asyncio"] if "await " in typed else ["-i", "-q"]
    ran = subprocess.run(
        [sys.executable, *kind],
        input=given + typed + "\n",
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
        env=environment,
        cwd=environment["HOME"],
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
async def user_id(installation: Installation) -> AsyncIterator[UserId]:
    """A connected user whose first sync is over."""
    async with installation.playhead.visitor("shell-user") as visitor:
        await visitor.connect(listener=IN_THE_SHELL)
        found = UserId(installation.books.user_ids()[-1])
        await until(lambda: found not in installation.books.unsynced(), "the first sync")
        yield found


def _change(installation: Installation, statement: str, **values: object) -> None:
    engine = create_engine(installation.books.database.owner)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def _needs_sync(installation: Installation, user_id: UserId) -> bool:
    """Ask as the snippet does, in this process."""
    with sync_session(user_id, url=installation.books.database.owner) as db:
        connection = db.query(SpotifyConnection).filter_by(user_id=user_id).one()
        return connection.needs_sync()


def test_breaker_tells_its_figures(installation: Installation) -> None:
    """In a fresh shell the breaker is closed and has seen nothing."""
    printed = shell(BREAKER, installation.playhead.environment)

    assert "'name': 'spotify_api'" in printed
    assert "'state': 'closed'" in printed
    assert "'calls': 0" in printed


def test_token_is_refreshed_beside_a_running_server(
    installation: Installation, user_id: UserId
) -> None:
    """The snippet renews the stored tokens, which go on working for the server."""
    row = installation.books.connection(user_id)
    vault = Vault(load_or_create_keys(installation.playhead.folder / "data" / "keys"))
    refresh_token = vault.open(row["refresh_sealed"], user_id=user_id, purpose="spotify_refresh")
    refreshes = sum(installation.spotify.summary()["refreshes"].values())

    printed = shell(
        REFRESH,
        installation.playhead.environment,
        user_id=user_id,
        refresh_token=refresh_token,
    )

    assert "'access_token': " in printed
    assert "'expires_at': datetime.datetime(" in printed
    assert refreshes + 1 == sum(installation.spotify.summary()["refreshes"].values())
    assert row["access_sealed"] != installation.books.connection(user_id)["access_sealed"]


def test_needs_sync_tells_when_a_sync_is_due(installation: Installation, user_id: UserId) -> None:
    """False after a sync, true when it is due again; false while parked or without a grant."""
    past, later = (
        (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S.%f")
        for hours in (-1, 1)
    )
    grant = "update spotify_connection set state = :state where user_id = :u"
    park = "update quota_bucket set parked_until = :at"
    # Leased, so that the server does not begin the sync that is made due here.
    due = "update sync_schedule set next_sync_at = :at, lease_until = :lease where user_id = :u"

    told = [_needs_sync(installation, user_id)]
    _change(installation, due, at=past, lease=later, u=user_id)
    printed = shell(NEEDS_SYNC, installation.playhead.environment, user_id=user_id)
    _change(installation, park, at=later)
    told.append(_needs_sync(installation, user_id))
    _change(installation, park, at=past)
    told.append(_needs_sync(installation, user_id))
    _change(installation, grant, state="reconnect_needed", u=user_id)
    told.append(_needs_sync(installation, user_id))
    _change(installation, grant, state="active", u=user_id)
    _change(installation, due, at=later, lease=past, u=user_id)

    assert "True" in printed
    assert "False" not in printed
    assert [False, False, True, False] == told


def test_set_up_check_passes_without_an_app(tmp_path: Path) -> None:
    """`python setup_step2.py` is content with an empty home, and says what comes next."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "setup_step2.py")],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        env=clean_environment(tmp_path),
        cwd=tmp_path,
    )

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "SPOTIFY_CLIENT_ID" in ran.stdout

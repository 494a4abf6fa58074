"""The servers that other tests lean on."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from tests.databases import ROLE_PASSWORD, ROLES, PostgresServer
from tests.servers import EXTERNAL_POSTGRES, ServerFailed, start

ROOT = Path(__file__).parents[2]
OWNER = """
import json, os, time
from tests.servers import Keeper

keeper = Keeper()
print(json.dumps({"owner": os.getpid(), "keeper": keeper.pid, **keeper.ports}), flush=True)
time.sleep(600)
"""


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_postgres_answers(postgres_server: PostgresServer) -> None:
    """The session's PostgreSQL is recent enough for what the product asks of it."""
    with postgres_server.connect() as connection:
        row = connection.execute("select current_setting('server_version_num')::int").fetchone()

    assert row is not None
    assert 150_000 <= row[0]


def test_valkey_answers(valkey_url: str) -> None:
    """The session's Valkey speaks to the client that the product uses."""
    with redis.Redis.from_url(valkey_url) as client:
        answer = client.ping()

    assert answer is True


def test_only_the_backup_role_passes_row_level_security(postgres_roles: PostgresServer) -> None:
    """No role that serves users can step over their policies."""
    with postgres_roles.connect() as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolsuper, rolbypassrls from pg_roles"
            " where rolname = any(%s)",
            [list(ROLES)],
        ).fetchall()

    assert {(role, True, False, role == "playhead_backup") for role in ROLES} == set(rows)


def test_copies_of_a_template_are_apart(postgres_roles: PostgresServer) -> None:
    """A database copied from a template holds its tables, and what is added stays in the copy."""
    names = [f"servers_{os.getpid()}_{part}" for part in ("template", "first", "second")]
    try:
        postgres_roles.create_database(names[0])
        with postgres_roles.connect(names[0]) as connection:
            connection.execute("create table plays (id int)")
        for name in names[1:]:
            postgres_roles.create_database(name, names[0])
        with postgres_roles.connect(names[1]) as connection:
            connection.execute("insert into plays values (1)")
        with postgres_roles.connect(names[2]) as connection:
            count = connection.execute("select count(*) from plays").fetchone()
    finally:
        for name in names:
            postgres_roles.drop_database(name)

    assert (0,) == count


def test_roles_sign_in_by_url(postgres_roles: PostgresServer) -> None:
    """The URL of a role opens a connection as that role."""
    url = postgres_roles.url("postgres", role="playhead_runtime", scheme="postgresql")

    with psycopg.connect(url) as connection:
        row = connection.execute("select current_user").fetchone()

    assert ROLE_PASSWORD in url
    assert ("playhead_runtime",) == row


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("victim", ["owner", "keeper"])
def test_no_server_outlives_a_kill(victim: str) -> None:
    """Whichever process is killed, both servers end with it."""
    environment = {name: value for name, value in os.environ.items() if name != EXTERNAL_POSTGRES}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, cwd=ROOT, env=environment
    )
    assert owner.stdout is not None
    started = json.loads(owner.stdout.readline())
    try:
        ports = (started["postgres"], started["valkey"])
        before = [_is_listening(port) for port in ports]
        os.kill(started[victim], signal.SIGKILL)
        _wait_until(lambda: not any(_is_listening(port) for port in ports))
        after = [_is_listening(port) for port in ports]
        if victim == "owner":
            _wait_until(lambda: not Path(started["home"]).exists())
        files_left = Path(started["home"]).exists()
    finally:
        owner.kill()
        owner.communicate()
        shutil.rmtree(started["home"], ignore_errors=True)

    assert [True, True] == before
    assert [False, False] == after
    assert (victim == "keeper") == files_left


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A server that ends at once is an error that quotes its log, never a reason to skip."""
    command = [sys.executable, "-c", "raise SystemExit('no room on the disk')"]

    with pytest.raises(ServerFailed, match="no room on the disk"):
        start(command, tmp_path / "log", ready=lambda: False, death=None)

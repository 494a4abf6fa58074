"""Many processes want one user's token at once: Spotify is asked once, and once more for a kill."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from src.config import Settings
from src.runtime import Runtime
from src.utils.types import UserId
from tests.factories import add_connection, add_user
from tests.faults.processes import Program, clean_environment, free_port, until
from tests.spotify.token_server import CLIENT_ID, TokenServer

REFRESH_TAKES_S = 0.3
LEASE_S = 1.5
SHARES = (7, 7, 6)

Start = Callable[[str, int, Path], Program]


@pytest.fixture
async def served() -> AsyncIterator[tuple[TokenServer, str]]:
    """An accounts service on a real port, and its address."""
    server, port = TokenServer(), free_port()
    config = uvicorn.Config(server, port=port, lifespan="off", log_config=None)
    running = uvicorn.Server(config)
    task = asyncio.ensure_future(running.serve(sockets=None))
    await until(lambda: running.started, "the accounts service to start")
    yield server, f"http://127.0.0.1:{port}"
    running.should_exit = True
    await task


@pytest.fixture
async def listener(runtime: Runtime) -> UserId:
    """A user whose token ended long ago by the machine's clock."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    return user_id


@pytest.fixture
def start(
    settings: Settings, served: tuple[TokenServer, str], listener: UserId, tmp_path: Path
) -> Start:
    """Start a process: its name, its number of callers, and the file that lets it begin."""
    assert settings.database_url is not None
    assert settings.database_scheduler_url is not None
    assert settings.encryption_keys is not None
    environment = clean_environment(
        tmp_path,
        DATABASE_URL=settings.database_url,
        DATABASE_SCHEDULER_URL=settings.database_scheduler_url,
        ENCRYPTION_KEYS=settings.encryption_keys.get_secret_value(),
        SPOTIFY_CLIENT_ID=CLIENT_ID,
        SPOTIFY_ACCOUNTS_URL=served[1],
    )

    def start_one(name: str, callers: int, go: Path) -> Program:
        arguments = [str(listener), str(callers), str(LEASE_S), str(go)]
        return Program(
            [sys.executable, "-m", "tests.faults.refreshing", *arguments],
            log=tmp_path / f"{name}.log",
            environment=environment,
        )

    return start_one


def tokens_in(printed: str) -> list[str]:
    """Return the tokens a process printed."""
    words = [line.split() for line in printed.splitlines()]
    return [line[1] for line in words if line[:1] == ["token"]]


@pytest.mark.slow
async def test_twenty_callers_in_three_processes_make_one_refresh(
    served: tuple[TokenServer, str], start: Start, tmp_path: Path
) -> None:
    """All twenty get the one new token."""
    server, _ = served
    server.during = lambda: asyncio.sleep(REFRESH_TAKES_S)
    go = tmp_path / "go"
    with ExitStack() as stack:
        programs = [
            stack.enter_context(start(f"process-{number}", callers, go))
            for number, callers in enumerate(SHARES)
        ]
        for program in programs:
            await program.prints("ready")
        go.touch()
        codes = [await program.ended() for program in programs]
        tokens = [token for program in programs for token in tokens_in(program.printed)]

    assert [0, 0, 0] == codes
    assert 1 == len(server.forms)
    assert ["access-new-1"] * 20 == tokens


@pytest.mark.slow
async def test_a_kill_in_mid_refresh_costs_one_more_call(
    served: tuple[TokenServer, str], start: Start, tmp_path: Path
) -> None:
    """When the lease of the dead process lapses, one of the others takes over, and only one."""
    server, _ = served
    arrived, killed = asyncio.Event(), asyncio.Event()

    async def hang_first() -> None:
        if not arrived.is_set():
            arrived.set()
            await killed.wait()
        await asyncio.sleep(REFRESH_TAKES_S)

    server.during = hang_first
    first, then = tmp_path / "first", tmp_path / "then"
    with ExitStack() as stack:
        victim, *survivors = [
            stack.enter_context(start(f"process-{number}", callers, then if number else first))
            for number, callers in enumerate(SHARES)
        ]
        for program in (victim, *survivors):
            await program.prints("ready")
        first.touch()
        await asyncio.wait_for(arrived.wait(), 20)
        then.touch()
        victim.kill()
        killed.set()
        codes = [await program.ended() for program in survivors]
        tokens = [token for program in survivors for token in tokens_in(program.printed)]

    assert [0, 0] == codes
    assert 2 == len(server.forms)
    assert ["access-new-2"] * sum(SHARES[1:]) == tokens

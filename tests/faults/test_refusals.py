"""A server that cannot start says why in a sentence, and its exit code says that it did not."""

import asyncio
import json
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.faults.playhead_process import SERVE, PlayheadProcess
from tests.faults.processes import Program, until

pytestmark = pytest.mark.slow

UVICORN = (sys.executable, "-m", "uvicorn", "src.main:app", "--port", "0")
REFUSED = (1, 2, 3)
ALREADY_RUNNING = 3


async def _refusal(program: Program) -> tuple[int, str]:
    """Return exit code and words of a program that refuses to start."""
    with program:
        code = await program.ended()
        return code, program.printed


@pytest.mark.parametrize(
    ("command", "name", "value", "words"),
    [
        (SERVE, "ENCRYPTION_KEYS", "1:change-me", "ENCRYPTION_KEYS"),
        (UVICORN, "ENCRYPTION_KEYS", "1:change-me", "ENCRYPTION_KEYS"),
        (SERVE, "SPOTIFY_CLIENT_ID", "your-client-id", "SPOTIFY_CLIENT_ID must be the 32"),
        (UVICORN, "SPOTIFY_CLIENT_ID", "your-client-id", "SPOTIFY_CLIENT_ID must be the 32"),
        (SERVE, "PUBLIC_URL", "http://podcasts.example.org", "PUBLIC_URL is plain http"),
    ],
)
async def test_setting_that_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, command: tuple[str, ...], name: str, value: str, words: str
) -> None:
    """Whichever way it is started; the value itself is not repeated, it may be a secret."""
    playhead = PlayheadProcess(tmp_path, command=command, settings={name: value})

    code, printed = await _refusal(playhead.launch())

    assert code in REFUSED
    assert words in printed
    assert "Traceback" not in printed
    assert value not in printed


@pytest.mark.parametrize("command", [SERVE, UVICORN], ids=["serve", "uvicorn"])
async def test_unreadable_key_file_is_told_in_a_sentence(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A damaged file of keys is named and never replaced by new keys, nor is it shown."""
    keys = tmp_path / "data" / "keys"
    keys.parent.mkdir()
    keys.write_text("not a key\n")
    playhead = PlayheadProcess(tmp_path, command=command)

    code, printed = await _refusal(playhead.launch())

    assert code in REFUSED
    assert str(keys) in printed
    assert "Traceback" not in printed
    assert "not a key" not in printed
    assert "not a key\n" == keys.read_text()


async def test_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    """It names the port and the two ways out."""
    playhead = PlayheadProcess(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", playhead.port))
        taken.listen()

        code, printed = await _refusal(playhead.launch())

    assert 0 != code
    assert f"Port {playhead.port} of 127.0.0.1 cannot be used" in printed
    assert "--port" in printed
    assert "Traceback" not in printed


async def test_second_server_on_one_data_folder_is_refused(tmp_path: Path) -> None:
    """SQLite has one server; another waits a while for it to end, then leaves with code 3."""
    refused = []
    async with PlayheadProcess(tmp_path):
        for number, command in enumerate((SERVE, UVICORN)):
            home = tmp_path / f"second-{number}"
            home.mkdir()
            second = PlayheadProcess(
                home, command=command, settings={"DATA_DIR": str(tmp_path / "data")}
            )
            refused.append(_refusal(second.launch()))

        told = await asyncio.gather(*refused)

    for code, printed in told:
        assert ALREADY_RUNNING == code
        assert "Another Playhead is using" in printed
        assert "Traceback" not in printed


async def test_every_line_of_a_server_is_json(tmp_path: Path) -> None:
    """After its greeting a server prints one JSON object a line, foreign loggers included."""
    async with PlayheadProcess(tmp_path) as playhead:
        lines = playhead.program.printed.splitlines()

    events = [json.loads(line) for line in lines[_greeting(lines) :]]
    assert events
    assert {"event", "level", "timestamp"} <= set(events[-1])


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        (None, r"{url}\n"),
        ("https://podcasts.example.org", r"{url}/\?setup_code=[\w-]{{20,}}\n"),
    ],
)
async def test_first_start_tells_where_the_first_account_is_registered(
    tmp_path: Path, public_url: str | None, link: str
) -> None:
    """On this machine its address will do; anywhere else it takes the code that only it knows."""
    settings = {} if public_url is None else {"PUBLIC_URL": public_url}
    playhead = PlayheadProcess(tmp_path, settings=settings)
    url = re.escape(public_url or playhead.url)
    with playhead.launch() as program:
        printed = await program.prints("startup complete")

    assert re.search(f"Playhead answers at {url}\n", printed)
    assert re.search(f"Register the first account at {link.format(url=url)}", printed)


async def test_edit_under_reload_restarts_and_keeps_the_lock(tmp_path: Path) -> None:
    """`uvicorn --reload` survives an edit: the old worker gives the data folder to the new one."""
    watched = tmp_path / "watched"
    watched.mkdir()
    edited = watched / "edited.py"
    edited.write_text("CHANGED = False\n")
    playhead = PlayheadProcess(tmp_path)
    playhead.command = (
        *(sys.executable, "-m", "uvicorn", "src.main:app", "--port", str(playhead.port)),
        *("--reload", "--reload-dir", str(watched)),
    )
    async with playhead:
        await playhead.program.prints("startup complete")
        started = playhead.program.printed.count("startup complete")
        edited.write_text("CHANGED = True\n")

        def again() -> bool:
            return playhead.program.printed.count("startup complete") > started

        await until(again, "the reloaded application")
        async with playhead.visitor("someone") as visitor:
            me = await visitor.get("/api/auth/me")

    assert "someone" == me["name"]
    assert "Another Playhead" not in playhead.program.printed


def _greeting(lines: list[str]) -> int:
    """Return how many lines at the start are for people."""
    return next((index for index, line in enumerate(lines) if line.startswith("{")), len(lines))

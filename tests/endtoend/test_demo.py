"""`playhead demo`, as somebody runs it who has just cloned the project."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.processes import clean_environment, free_port

pytestmark = pytest.mark.slow

KEYS = {"shows", "episodes", "plays", "calls", "cost_micro_usd", "seconds"}
PRICE_MICRO = 100


def _demo(home: Path, *options: str) -> tuple[dict[str, Any], str]:
    """Run the demo once and return its summary and what it said beside it."""
    environment = clean_environment(home)
    del environment["DATA_DIR"]  # nothing is set: the demo finds its own place below HOME
    ran = subprocess.run(
        [sys.executable, "-m", "src", "demo", "--once", "--json", *options],
        capture_output=True,
        check=False,
        text=True,
        timeout=180,
        env=environment,
        cwd=home,
    )
    print(ran.stderr)  # shown when the test fails
    assert 0 == ran.returncode
    summary: dict[str, Any] = json.loads(ran.stdout)
    return summary, ran.stderr


def test_demo_starts_anew_and_goes_on(tmp_path: Path) -> None:
    """`--fresh` forgets an earlier demo and reads a whole library; the next run goes on with it."""
    folder = tmp_path / ".local" / "share" / "playhead" / "demo"
    folder.mkdir(parents=True)
    earlier = {"epoch": "2026-01-05T06:00:00+00:00", "username": "demo", "password": "of-before"}
    (folder / "demo.json").write_text(json.dumps(earlier))
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        first, said = _demo(tmp_path, "--fresh", "--port", str(port))
    again, said_again = _demo(tmp_path, "--port", str(free_port()))

    assert set(first) == KEYS
    assert 40 == first["shows"]
    assert 8 < first["calls"] <= 50
    assert 5_000 >= first["cost_micro_usd"]
    assert first["calls"] * PRICE_MICRO == first["cost_micro_usd"]
    assert 5_000 < first["plays"]
    assert "of them podcasts, since 20" in said
    assert "Importing" not in said_again
    assert "of-before" not in said
    assert f"127.0.0.1:{port}" not in said
    assert "Playhead answers at http://127.0.0.1:" in said

    assert 8 >= again["calls"]
    assert first["shows"] == again["shows"]
    assert first["episodes"] <= again["episodes"]
    assert said.splitlines()[-1] == said_again.splitlines()[-1]  # name and password

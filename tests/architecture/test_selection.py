"""Which tests run when, decided by `tests/conftest.py`."""

import os
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT


def _collected(*arguments: str, **environment: str) -> list[str]:
    """Return the names that pytest would run; it starts no server for this."""
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qp", "no:randomly", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    ).stdout
    return [line.rpartition("::")[2] for line in listing.splitlines() if "::" in line]


@pytest.mark.endurance
def test_endurance_is_asked_for() -> None:
    """Tests with this marker run only when PLAYHEAD_ENDURANCE=1 says so."""
    assert "1" == os.environ["PLAYHEAD_ENDURANCE"]


@pytest.mark.slow
def test_markers_choose_what_runs() -> None:
    """Who asks for a server is marked by that alone; endurance waits to be asked for."""
    files = (__file__, "tests/architecture/test_servers.py")

    normal = _collected(*files, PLAYHEAD_ENDURANCE="0")
    quick = _collected(*files, "-m", "not server", PLAYHEAD_ENDURANCE="1")

    assert "test_valkey_answers" in normal
    assert "test_valkey_answers" not in quick
    assert "test_a_server_that_cannot_start_says_why" in quick
    assert "test_endurance_is_asked_for" in quick
    assert "test_endurance_is_asked_for" not in normal

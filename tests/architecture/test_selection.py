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


@pytest.mark.slow
def test_a_test_that_asks_for_a_server_is_marked() -> None:
    """`make quick` starts no server even if somebody forgets the marker."""
    path = "tests/architecture/test_servers.py"

    everything, quick = _collected(path), _collected(path, "-m", "not server")

    assert "test_valkey_answers" in everything
    assert ["test_a_server_that_cannot_start_says_why"] == quick


@pytest.mark.endurance
def test_endurance_is_asked_for() -> None:
    """Tests with this marker run only when PLAYHEAD_ENDURANCE=1 says so."""
    assert "1" == os.environ["PLAYHEAD_ENDURANCE"]


@pytest.mark.slow
def test_endurance_is_left_out_of_a_normal_run() -> None:
    """The long tests are there, and wait to be asked for."""
    arguments = (__file__, "-k", "asked_for")

    asked = _collected(*arguments, PLAYHEAD_ENDURANCE="1")
    normal = _collected(*arguments, PLAYHEAD_ENDURANCE="0")

    assert ["test_endurance_is_asked_for"] == asked
    assert [] == normal

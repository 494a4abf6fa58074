"""A seed is enough: the same run again, in another process with other hashes, letter by letter."""

import os
import subprocess
import sys

import pytest


def _run(seed: int, hashes: str) -> str:
    """Run a seed in a process of its own and return the hashes of its log, dump and file."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", "--seed", str(seed), "--days", "1", "--users", "2"],
        env=os.environ | {"PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_same_seed_is_the_same_run_whatever_the_hashes() -> None:
    """Log, database and database file are equal byte for byte; another seed gives others."""
    first, again, other = _run(10, "1"), _run(10, "2"), _run(11, "1")

    assert first.startswith("log ")
    assert first == again
    assert not set(first.split()[1::2]) & set(other.split()[1::2])

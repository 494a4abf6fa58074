"""Reading takes as much memory for a gigabyte as for a few megabytes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.history.archive.parts import extended, music

CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from src.history.archive.reader import Archive

def peak_mb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6

idle_mb = peak_mb()
archive = Archive.open(Path(sys.argv[1]))
now = datetime(2026, 11, 25, tzinfo=UTC)
plays = sum(len(batch.plays) for batch in archive.batches(now=now))
print(plays, peak_mb() - idle_mb)
"""
ROOT = Path(__file__).parents[3]


class Peak(NamedTuple):
    """How many plays were read, and how much memory that took at most, in MB above idle."""

    plays: int
    above_idle_mb: float


def peak_of(path: Path) -> Peak:
    """Read an archive in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], cwd=ROOT, capture_output=True, check=True
    )
    plays, above_idle_mb = done.stdout.split()
    return Peak(int(plays), float(above_idle_mb))


def one_member(path: Path, *, rows: int) -> Path:
    """Write a zip of one member; one row in five is a podcast, and no two are the same."""
    song = json.dumps(music(), indent=2)
    podcast = json.dumps(extended(ms_played=-7), indent=2)
    with (
        ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("Streaming_History_Audio.json", "w", force_zip64=True) as member,
    ):
        member.write(b"[")
        for number in range(rows):
            row = song if number % 5 else podcast.replace("-7", str(number))
            member.write(f"{',' if number else ''}{row}".encode())
        member.write(b"]")
    return path


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A member of 60 MB takes no more than 20 MB above idle; held whole, it would take 60."""
    path = one_member(tmp_path / "one.zip", rows=80_000)
    found = peak_of(path)

    assert 16_000 == found.plays
    assert found.above_idle_mb < 20

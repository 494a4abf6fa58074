"""`kill -9` at random moments of a sync: nothing lost, nothing doubled, nobody stuck."""

import random
import time
from pathlib import Path

import pytest

from tests.faults import reckoning
from tests.faults.books import Books
from tests.faults.playhead_process import PlayheadProcess
from tests.faults.processes import until
from tests.faults.spotify_process import SpotifyProcess, simulated_spotify
from tests.fixtures import DatabaseUrls

LISTENERS = 2
LONGEST_AFTER_A_REQUEST_S = 0.2
EVERYONE_SYNCED_S = 120.0
ENDURANCE = pytest.mark.endurance


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kills", "calls", "part"),
    [
        pytest.param(3, 18, 0, id="3"),
        pytest.param(10, 50, 0, id="10", marks=ENDURANCE),
        *(pytest.param(10, 50, part, id=f"100-{part}", marks=ENDURANCE) for part in range(1, 11)),
    ],
)
async def test_killed_sync_loses_and_doubles_nothing(
    tmp_path: Path, database_urls: DatabaseUrls, fault_seed: int, kills: int, calls: int, part: int
) -> None:
    """After so many kills the books equal the truth, give or take the calls in flight at each."""
    chance = random.Random(f"{fault_seed}-{part}")
    books = Books(database_urls)
    async with simulated_spotify(tmp_path, listeners=LISTENERS) as spotify:
        playhead = PlayheadProcess(
            tmp_path,
            spotify=spotify,
            database=database_urls,
            settings={"FIRST_SYNC_MAX_CALLS": str(calls)},
        )
        async with playhead:
            await playhead.connect(LISTENERS)
            for _ in range(kills):
                await _kill(playhead, spotify, chance, most=LISTENERS * calls // (2 * kills))
                if not database_urls.is_sqlite:
                    books.let_leases_lapse()
                await playhead.start()
            await until(lambda: not books.unsynced(), "everyone synced", within_s=EVERYONE_SYNCED_S)
        reckoning.check_library(books, spotify)
        reckoning.check_pages(books, spotify, in_flight=kills * LISTENERS)
        reckoning.check_ledger(books, spotify, in_flight=kills * LISTENERS)
        reckoning.check_runs(books)


async def _kill(
    playhead: PlayheadProcess, spotify: SpotifyProcess, chance: random.Random, *, most: int
) -> None:
    """Let some more requests arrive and some milliseconds pass; then end the process."""
    target = spotify.seen() + chance.randint(1, most)
    await until(lambda: spotify.seen() >= target, f"request {target}")
    moment = time.monotonic() + chance.uniform(0.0, LONGEST_AFTER_A_REQUEST_S)
    await until(lambda: time.monotonic() >= moment, "the moment")
    playhead.kill()

"""One installation for all of this folder: a simulated Spotify and a Playhead, each on a port."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.faults.books import Books
from tests.faults.playhead_process import PlayheadProcess
from tests.faults.spotify_process import SpotifyProcess, simulated_spotify
from tests.fixtures import DatabaseUrls

LISTENERS = 4


@dataclass(frozen=True)
class Installation:
    """Both programs, and the books of the product; nobody has an account at first.

    A first sync makes three calls: the library, the saved episodes and one show.
    """

    spotify: SpotifyProcess
    playhead: PlayheadProcess
    books: Books


@pytest.fixture(scope="session")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """Run both while the tests of this folder run; each test brings a listener of its own."""
    home = tmp_path_factory.mktemp("installation")
    url = f"sqlite:///{home / 'data' / 'playhead.db'}"
    async with simulated_spotify(home, listeners=LISTENERS) as spotify:
        settings = {"FIRST_SYNC_MAX_CALLS": "3"}
        async with PlayheadProcess(home, spotify=spotify, settings=settings) as playhead:
            yield Installation(spotify, playhead, Books(DatabaseUrls(url, url, url)))

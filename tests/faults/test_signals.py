"""SIGTERM in the middle of a sync: what is open is ended in order, what was begun goes on later."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from src.cli.demo.visitor import browser
from tests.faults import reckoning
from tests.faults.books import Books
from tests.faults.playhead_process import (
    PASSWORD,
    SIGTERM_CODE,
    PlayheadProcess,
    person,
)
from tests.faults.processes import until
from tests.faults.spotify_process import simulated_spotify
from tests.fixtures import DatabaseUrls

pytestmark = pytest.mark.slow

ENDED_WITHIN_S = 35.0
SLOW_S = 4.0


async def _told(playhead: PlayheadProcess, listener: int, opened: asyncio.Event) -> list[Any]:
    """Follow the live stream to its end; return the data of its events."""
    account = {"username": person(listener), "password": PASSWORD}
    told = []
    async with browser() as client:
        signed_in = await client.post(f"{playhead.url}/api/auth/login", json=account)
        assert httpx2.codes.OK == signed_in.status_code
        events = f"{playhead.url}/api/spotify/sync/events"
        async with client.stream("GET", events, timeout=60.0) as stream:
            assert httpx2.codes.OK == stream.status_code
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    told.append(json.loads(line.removeprefix("data:")))
                    opened.set()
    return told


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
async def test_sigterm_ends_streams_and_the_run_goes_on_after_a_restart(
    tmp_path: Path, database_urls: DatabaseUrls
) -> None:
    """Exit within 35 s with 143; the stream ends whole; the same run is finished afterwards.

    Spotify answers so slowly that the run cannot end before the process must.
    """
    books = Books(database_urls)
    async with simulated_spotify(tmp_path, listeners=1) as spotify:
        playhead = PlayheadProcess(
            tmp_path,
            spotify=spotify,
            database=database_urls,
            settings={"FIRST_SYNC_MAX_CALLS": "12"},
        )
        async with playhead:
            spotify.switch_on("slow", path="/v1/shows/*", value=SLOW_S)
            await playhead.connect(1)
            opened = asyncio.Event()
            stream = asyncio.create_task(_told(playhead, 0, opened))
            await asyncio.wait_for(opened.wait(), timeout=20.0)
            asked = time.monotonic()
            playhead.program.signal(signal.SIGTERM)
            told = await asyncio.wait_for(stream, timeout=ENDED_WITHIN_S)
            code = await playhead.program.ended(ENDED_WITHIN_S)
            took_s = time.monotonic() - asked

            [user_id] = books.user_ids()
            [interrupted] = books.runs(user_id)

            assert "running" == interrupted["state"]
            assert SIGTERM_CODE == code
            assert ENDED_WITHIN_S >= took_s
            assert str(interrupted["id"]).replace("-", "") == told[-1]["id"].replace("-", "")
            assert "Traceback" not in playhead.program.printed

            spotify.switch_off()
            await playhead.start()
            await until(lambda: not books.unsynced(), "the run's end", within_s=90.0)

            [finished] = books.runs(user_id)
            assert interrupted["id"] == finished["id"]
        reckoning.check_library(books, spotify)
        reckoning.check_pages(books, spotify, in_flight=1)
        reckoning.check_ledger(books, spotify, in_flight=0)
        reckoning.check_runs(books)

"""Imports in the background of one process."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from src.history import importer, importing
from src.history.work import LEASE_S, Work
from src.jobs.worker import background
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from tests.history.imports import OTHER_URI, Listener, ext_row
from tests.users.clients import app_on, signed_in
from tests.utils.stepped_clock import SteppedClock

IMPORTS = "/api/history/imports"
_NOWHERE = httpx2.MockTransport(lambda _request: httpx2.Response(503))


async def state_of(client: httpx2.AsyncClient, import_id: str, wanted: str) -> dict[str, object]:
    """Wait in real time until an import has a state, and return it."""
    while True:
        found: dict[str, object] = (await client.get(f"{IMPORTS}/{import_id}")).json()
        if found["state"] == wanted:
            return found
        await asyncio.sleep(0.01)


async def test_an_import_asked_for_is_done_and_undone_by_the_worker(runtime: Runtime) -> None:
    """A ring of the bell is all it takes, without any Spotify app set."""
    app = app_on(runtime)
    client = await signed_in(app)
    rows = [ext_row("10:30:15", 1_800_000), ext_row("12:00", 60_000, uri=OTHER_URI)]

    async with background(app.state.spotify):
        begun = (await client.post(IMPORTS, content=json.dumps(rows))).json()["id"]
        done = await state_of(client, begun, "done")
        await client.delete(f"{IMPORTS}/{begun}")
        undone = await state_of(client, begun, "undone")

    assert 2 == done["counts"]["new"]  # type: ignore[index]
    assert undone["undone_at"] is not None


async def test_a_process_that_stops_gives_its_import_back(
    runtime: Runtime, clock: SteppedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle, an import is gone on with at once by the next process."""
    monkeypatch.setattr(importer, "PLAYS_AT_ONCE", 1)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def held(*_args: object) -> None:
        reached.set()
        await go_on.wait()

    ada = await Listener.made(runtime, tmp_path)
    work = await ada.begun(ada.file([ext_row("10:00", 60_000), ext_row("11:00", 70_000)]))
    clock.jump(LEASE_S + 1)
    spotify = Spotify.open(runtime, SpotifySettings(_env_file=None), transport=_NOWHERE)
    with monkeypatch.context() as patched:
        patched.setattr(Work, "breathe", held)
        async with background(spotify):
            await reached.wait()

    (claim,) = await importing.claim_due(runtime, limit=1)
    await importing.handle(runtime, claim)
    await spotify.close()

    assert (work.run_id, 3) == (claim.run_id, claim.fence)
    assert 2 == (await ada.tally(work.run_id)).new

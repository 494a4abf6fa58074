"""`playhead worker`."""

import asyncio
import signal
import sys

import click

from src.config import Settings
from src.errors import SettingsRefused
from src.jobs.worker import run_worker
from src.operations.starting import prepared
from src.operations.sync_places import sync_place
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.utils.logging import configure_logging


@click.command("worker")
def command() -> None:
    """Run background sync alone, beside web processes on the same PostgreSQL.

    As many may run as SYNC_PROCESSES says, serve included; each user is synced by
    one at a time. On SQLite `serve`
    does this work itself. Ctrl+C or SIGTERM lets running syncs store their page.
    """
    settings = Settings()
    if settings.effective_database_url.startswith("sqlite"):
        raise SettingsRefused(
            "A worker of its own needs PostgreSQL (docs/howto/postgresql.md). On SQLite run "
            "`playhead serve`, which syncs in the same process."
        )
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    runtime = Runtime.open(settings)
    configure_logging(
        level=settings.log_level.upper(),
        stream=sys.stdout,
        clock=runtime.clock,
        json=settings.log_format == "json",
    )
    spotify = Spotify.open(runtime, SpotifySettings())
    stop = asyncio.Event()

    def end() -> None:
        stop.set()
        spotify.bell.ring()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        places = spotify.settings.sync_processes
        async with prepared(runtime), sync_place(runtime, places=places):
            await run_worker(spotify, stop)
    finally:
        await spotify.close()
        await runtime.close()

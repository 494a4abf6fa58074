"""`playhead sync-now`."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import click
from rich.console import Console

from src.cli.people import user_named
from src.cli.progress import sync_progress
from src.config import Settings
from src.errors import PlayheadError
from src.jobs.worker import background
from src.operations.starting import AlreadyRunning, prepared
from src.operations.sync_places import NoSyncPlace, sync_place
from src.operations.waking import wake
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.models import RunState, SyncRun
from src.spotify.queries import sync as queries
from src.spotify.scheduling import request_run
from src.spotify.service import Spotify
from src.utils.types import UserId

LOOK_EVERY_S = 0.3


class NobodySyncs(PlayheadError):
    """The run was asked for, and no process took it."""

    code = "nobody_syncs"
    title = "Nobody syncs"


@click.command("sync-now")
@click.argument("name")
def command(name: str) -> None:
    """Sync one user now and watch it.

    A running service does the work and this command shows its progress; when
    none is up, it does the work itself.
    """
    asyncio.run(_sync(Settings(), name))


async def _sync(settings: Settings, name: str) -> None:
    async with AsyncExitStack() as stack:
        runtime = Runtime.open(settings)
        stack.push_async_callback(runtime.close)
        spotify = Spotify.open(runtime, SpotifySettings())
        stack.push_async_callback(spotify.close)
        alone = True
        try:
            await stack.enter_async_context(prepared(runtime, patience_s=0))
            places = spotify.settings.sync_processes
            await stack.enter_async_context(sync_place(runtime, places=places, patience_s=0))
        except (AlreadyRunning, NoSyncPlace):
            alone = False
        user_id = await user_named(runtime, name)
        async with runtime.database.transaction(user_id) as session:
            run = await request_run(runtime, session, user_id=user_id)
            run_id = run.id
        if alone:
            await stack.enter_async_context(background(spotify))
        else:
            wake(settings.data_dir)
        ended = await _watch(runtime, user_id, run_id)
        click.echo(ended.message or ended.outcome or "The run ended.")


async def _watch(runtime: Runtime, user_id: UserId, run_id: UUID) -> SyncRun:
    """Show the run's progress until it ends, and return it."""
    with sync_progress(Console()) as show:
        while True:
            async with runtime.database.transaction(user_id, write=False) as session:
                run = await queries.run_of(session, user_id=user_id, run_id=run_id)
            if run is None:
                raise NobodySyncs("The run is gone: the account was disconnected meanwhile.")
            show(run.shows_done, run.shows_total, run.calls, run.cost_micro)
            if run.state == RunState.ENDED:
                return run
            await runtime.clock.sleep(LOOK_EVERY_S)

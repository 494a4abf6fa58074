"""The command itself: what is shown while the demo runs, and the summary after."""

import asyncio
import json
import shutil
import signal
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from src.cli.demo.stage import LISTENER, SCRIPT, Script, export_of, on_stage
from src.cli.demo.visitor import DemoFailed, Visitor, browser
from src.cli.progress import sync_progress
from src.config import Settings
from src.utils.clock import Clock, SystemClock
from src.utils.entropy import SystemEntropy

LOOK_EVERY_S = 0.2
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo found; `plays` are listening events, `cost_micro_usd` of this run."""

    shows: int
    episodes: int
    plays: int
    calls: int
    cost_micro_usd: int
    seconds: float


@click.command("demo")
@click.option("--once", is_flag=True, help="Exit after the summary.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--fresh", is_flag=True, help="Forget earlier demos and start anew.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port of the service; when taken, the next free one.",
)
def command(*, once: bool, as_json: bool, fresh: bool, port: int) -> None:
    """Watch a simulated listener connect, sync and import: no account, no settings.

    Starts a stand-in for Spotify and the real service beside it, connects one
    listener through the real sign-in, syncs their library, imports the ten years of
    listening that Spotify's data export would bring, and says what it cost.
    Run again, it goes on with what is there.
    """
    folder = Settings().data_dir / "demo"
    if fresh and (folder / SCRIPT).exists():
        shutil.rmtree(folder)
    console = Console(stderr=as_json)
    asyncio.run(_demo(folder, console, once=once, as_json=as_json, port=port))


async def _demo(folder: Path, console: Console, *, once: bool, as_json: bool, port: int) -> None:
    clock = SystemClock()
    began = clock.monotonic()
    script = Script.of(folder, clock=clock, entropy=SystemEntropy())
    script.keep(folder)
    async with (
        on_stage(script, folder, port=port, clock=clock) as (url, simulator),
        browser() as client,
    ):
        console.print(f"Playhead answers at {url}, beside a simulated Spotify.")
        visitor = Visitor(client, url)
        await visitor.sign_in(script.username, script.password)
        calls_before, cost_before = await visitor.spent()
        run = await _synced(visitor, script, folder, console, clock)
        if not await visitor.has_imported():
            await _import(visitor, export_of(simulator), console, clock)
        count = await visitor.count()
        calls, cost = await visitor.spent()
        summary = Summary(
            **asdict(count),
            calls=calls - calls_before,
            cost_micro_usd=cost - cost_before,
            seconds=round(clock.monotonic() - began, 1),
        )
        _tell(summary, run, script, url, console=console)
        if as_json:
            click.echo(json.dumps(asdict(summary)))
        if not once:
            console.print("It goes on syncing. Press Ctrl+C to end it.")
            await _until_interrupted()


async def _synced(
    visitor: Visitor, script: Script, folder: Path, console: Console, clock: Clock
) -> dict[str, Any]:
    """Connect if need be, sync, and return the run's report."""
    if await visitor.is_connected():
        console.print("Going on with the listener of the last time.")
        await visitor.sync()
        run = await _watch(visitor, console, clock)
        if run["outcome"] != "reconnect_needed":
            return run
    await visitor.connect(listener=LISTENER)
    replace(script, consented_at=clock.now().isoformat()).keep(folder)
    console.print("A listener gave their consent; the first sync has begun.")
    return await _watch(visitor, console, clock)


async def _watch(visitor: Visitor, console: Console, clock: Clock) -> dict[str, Any]:
    """Show progress until the run ends.

    Raises:
        DemoFailed: It did not end within five minutes.
    """
    deadline = clock.monotonic() + PATIENCE_S
    with sync_progress(console) as show:
        while clock.monotonic() < deadline:
            run: dict[str, Any] | None = (await visitor.get("/api/spotify/sync/status"))["run"]
            if run is not None:
                show(run["shows_done"], run["shows_total"], run["calls"], run["cost_micro"])
                if run["state"] == "ended":
                    return run
            await clock.sleep(LOOK_EVERY_S)
    raise DemoFailed("The sync did not end within five minutes; playhead demo --fresh starts anew.")


async def _import(visitor: Visitor, export: bytes, console: Console, clock: Clock) -> None:
    """Import an export as its owner would, and say what was in it.

    Raises:
        DemoFailed: It was refused, or did not end within five minutes.
    """
    console.print("Importing the listener's data export, as Spotify would send it.")
    watched = await visitor.upload("my_spotify_data.zip", export)
    deadline = clock.monotonic() + PATIENCE_S
    while clock.monotonic() < deadline:
        told: dict[str, Any] = await visitor.get(watched)
        if told["state"] == "done":
            counts = told["counts"]
            console.print(
                f"  {counts['rows']:,} rows, {counts['new']:,} of them podcasts, "
                f"since {told['from_at'][:4]}"
            )
            return
        if told["state"] == "failed":
            raise DemoFailed(f"The import failed: {told['message']}")
        await clock.sleep(LOOK_EVERY_S)
    raise DemoFailed("The import did not end within five minutes.")


def _tell(
    summary: Summary, run: dict[str, Any], script: Script, url: str, *, console: Console
) -> None:
    dollars = summary.cost_micro_usd / 1_000_000
    console.print(f"\n[bold]{run['message'] or run['outcome']}[/bold]")
    console.print(f"  shows     {summary.shows:>8,}")
    console.print(f"  episodes  {summary.episodes:>8,}")
    console.print(f"  listens   {summary.plays:>8,}")
    console.print(f"  calls     {summary.calls:>8,}   ${dollars:.4f}")
    console.print(f"  seconds   {summary.seconds:>8,}")
    console.print(f"\nOpen {url}")
    console.print(f"Sign in as [bold]{script.username}[/bold] with {script.password}")


async def _until_interrupted() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()

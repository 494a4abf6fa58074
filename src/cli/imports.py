"""`playhead import`."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from src.cli.opening import with_runtime
from src.cli.people import user_named
from src.cli.progress import import_progress
from src.config import Settings
from src.errors import PlayheadError
from src.history import importing
from src.history.archive.reader import Archive
from src.history.errors import ArchiveRefused
from src.history.importer import import_files
from src.history.models import HistoryRun
from src.history.queries import observations, runs
from src.history.reports import Tally
from src.history.work import Work
from src.operations.waking import wake
from src.runtime import Runtime
from src.utils.types import UserId

LOOK_EVERY_S = 0.3

Report = tuple[str, Tally]


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--user", "name", required=True, help="Whose listening history it is.")
@click.option("--dry-run", is_flag=True, help="Only read the files and say what is in them.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(files: tuple[Path, ...], name: str, *, dry_run: bool, as_json: bool) -> None:
    """Import Spotify's data export: the zip as it was sent, or its JSON files.

    Runs beside a running service and makes no call to Spotify. If it is stopped, a running
    service goes on with it. Exits with 1 when a file cannot be used, and says why.
    """
    shown = Console(stderr=as_json, quiet=as_json)

    async def work(runtime: Runtime) -> list[Report]:
        user_id = await user_named(runtime, name)
        if dry_run:
            return await _read(runtime, files, shown)
        return await _import(runtime, user_id, files, shown)

    reports = asyncio.run(with_runtime(Settings(), work))
    if as_json:
        click.echo(json.dumps(_as_object(reports, is_dry=dry_run)))
    else:
        Console().print(_table(reports, is_dry=dry_run))
    refused = [f"{file}: {tally.message}" for file, tally in reports if tally.refused]
    if refused:
        raise click.ClickException("\n".join(refused))


async def _import(
    runtime: Runtime, user_id: UserId, files: Sequence[Path], console: Console
) -> list[Report]:
    """Import the files here, showing the progress; return the report of each."""
    work = await importing.begin_here(runtime, user_id=user_id, paths=files)
    wake(runtime.settings.data_dir)  # the service then goes on with it if this process dies
    running = asyncio.ensure_future(import_files(work))
    with import_progress(console) as show:
        while not running.done():
            run, left = await _look(work)
            show(run.progress_bytes, run.total_bytes, left)
            await runtime.clock.sleep(LOOK_EVERY_S)
        show(run.total_bytes, run.total_bytes, 0)
    await running
    async with runtime.database.transaction(user_id, write=False) as session:
        rows = await runs.files(session, user_id=user_id, run_id=work.run_id)
    return [(row.name, Tally.from_json(row.counts)) for row in rows]


async def _look(work: Work) -> tuple[HistoryRun, int]:
    async with work.runtime.database.transaction(work.user_id, write=False) as session:
        run = await runs.run_of(session, user_id=work.user_id, run_id=work.run_id)
        left = await observations.count_touched(session, user_id=work.user_id, run_id=work.run_id)
    if run is None:
        raise PlayheadError("The import is gone: the account was erased meanwhile.")
    return run, left


async def _read(runtime: Runtime, files: Sequence[Path], console: Console) -> list[Report]:
    """Read the files and store nothing; podcast rows count as known."""
    reports = []
    with import_progress(console) as show:
        for file in files:
            tally = Tally()
            try:
                archive = Archive.open(file)
                for batch in archive.batches(now=runtime.clock.now()):
                    tally.count(batch.counts)
                    if batch.report is not None:
                        tally.close(batch.report)
                    show(batch.offset, archive.size, 0)
            except ArchiveRefused as error:
                tally.refused, tally.message = error.code, error.message
            reports.append((file.name, tally))
    return reports


def _rows(tally: Tally, *, is_dry: bool) -> list[tuple[str, int]]:
    podcasts = (
        [("podcasts", tally.podcasts)]
        if is_dry
        else [("new", tally.new), ("already known", tally.known)]
    )
    return [
        ("rows read", tally.rows),
        *podcasts,
        ("music", tally.music),
        ("audiobooks", tally.audiobooks),
        ("unidentified", tally.unidentified),
        *((f"bad: {reason}", count) for reason, count in sorted(tally.bad.items())),
    ]


def _table(reports: Sequence[Report], *, is_dry: bool) -> Table:
    total = Tally.sum_of(tally for _, tally in reports)
    table = Table(title="In the files" if is_dry else "Imported")
    table.add_column("rows")
    columns = [*reports, *([("all", total)] if len(reports) > 1 else [])]
    for file, _ in columns:
        table.add_column(file, justify="right")
    for label, _ in _rows(total, is_dry=is_dry):
        counts = [dict(_rows(tally, is_dry=is_dry)).get(label, 0) for _, tally in columns]
        table.add_row(label, *(f"{count:,}" for count in counts))
    return table


def _as_object(reports: Sequence[Report], *, is_dry: bool) -> dict[str, Any]:
    def told(tally: Tally) -> dict[str, Any]:
        podcasts = (
            {"podcasts": tally.podcasts} if is_dry else {"new": tally.new, "known": tally.known}
        )
        return {
            "rows": tally.rows,
            **podcasts,
            "music": tally.music,
            "audiobooks": tally.audiobooks,
            "unidentified": tally.unidentified,
            "bad": tally.bad,
            "faults": tally.faults,
        }

    total = Tally.sum_of(tally for _, tally in reports)
    files = [{"file": file, "refused": tally.refused, **told(tally)} for file, tally in reports]
    return {"dry_run": is_dry, **told(total), "files": files}

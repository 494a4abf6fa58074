"""`playhead history`."""

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from src.cli.opening import with_runtime
from src.cli.people import user_named
from src.config import Settings
from src.database import Session
from src.errors import NotFound
from src.history.coverage import Known, seconds_of
from src.history.coverage_report import swept_of
from src.history.figures import Asked
from src.history.statistics import record_of, statistics
from src.history.statistics_schemas import Statistics, Time
from src.history.yearly import year_of
from src.history.yearly_schemas import Year
from src.history.zones import Unit, after, day_of, midnight_s, zone_named
from src.runtime import Runtime
from src.users.queries import user as user_of
from src.utils.types import UserId
from src.web.formats import count, counted, duration

_BAR = 24
_WORDS = {
    Known.EXACT: "exact",
    Known.MINUTE: "to the minute",
    Known.INFERRED: "inferred",
    Known.NONE: "not known",
}


class Line(NamedTuple):
    """A line of the table; `seconds` are those of each class of coverage in the period."""

    name: str
    ms: int
    known_ms: int
    events: int
    seconds: dict[Known, int]


@click.command("history")
@click.option("--user", "name", required=True, help="Whose history.")
@click.option(
    "--year",
    type=click.IntRange(1970, 2199),
    help="Months and shows of one year; by default all years.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as the API has it.")
def command(name: str, year: int | None, *, as_json: bool) -> None:
    """Show what somebody heard, and how well that is known. Asks Spotify nothing."""

    async def work(runtime: Runtime) -> None:
        user_id = await user_named(runtime, name)
        async with runtime.database.transaction(user_id, write=False) as session:
            await _show(runtime, session, user_id=user_id, year=year, as_json=as_json)

    asyncio.run(with_runtime(Settings(), work))


async def _show(
    runtime: Runtime, session: Session, *, user_id: UserId, year: int | None, as_json: bool
) -> None:
    user = await user_of(session, user_id=user_id)
    if user is None:
        raise NotFound("The account was erased meanwhile.")
    zone, now_s = zone_named(user.time_zone), int(runtime.clock.now().timestamp())
    found: Statistics | Year
    if year is None:
        from_s, to_s = await record_of(session, user_id=user_id, zone=zone, now_s=now_s)
        found = await statistics(
            session,
            user_id=user_id,
            asked=Asked(zone, from_s, to_s),
            unit=Unit.YEAR,
            today=day_of(now_s, zone),
        )
        time = found.time
    else:
        found = await year_of(session, user_id=user_id, number=year, zone=zone, now_s=now_s)
        time = found.months
    if as_json:
        click.echo(found.model_dump_json())
        return
    lines = [
        Line(
            f"{part.first:%Y}" if year is None else f"{part.first:%b}",
            part.ms,
            part.known_ms,
            part.events,
            await _known(session, user_id=user_id, zone=zone, part=(part.first, time), now_s=now_s),
        )
        for part in time.periods
    ]
    _print(found, lines)


async def _known(
    session: Session, *, user_id: UserId, zone: ZoneInfo, part: tuple[date, Time], now_s: int
) -> dict[Known, int]:
    first, time = part
    from_s = midnight_s(first, zone)
    to_s = max(from_s, min(midnight_s(after(first, time.unit), zone), now_s))
    return seconds_of(await swept_of(session, user_id=user_id, from_s=from_s, to_s=to_s))


def _print(found: Statistics | Year, lines: list[Line]) -> None:
    console = Console()
    if not lines:
        console.print("Nothing was heard in this time, as far as is known.")
        return
    console.print(table(lines))
    total = found.totals
    console.print(
        f"{_range(total.known_ms, total.ms)} in {counted(total.episodes, 'episode')}"
        f" of {counted(total.shows, 'show')}, by the clock of {found.zone}.",
        highlight=False,
    )
    for show in found.shows[:5]:
        if show.show is not None:
            console.print(f"  {duration(show.ms):>12}  {show.show.name}", markup=False)


def table(lines: Iterable[Line]) -> Table:
    """Return a table with a bar for each line, longest the most heard."""
    told = list(lines)
    most = max((line.ms for line in told), default=0)
    drawn = Table(box=None, pad_edge=False)
    for name in ("", "heard", ""):
        drawn.add_column(name)
    drawn.add_column("events", justify="right")
    drawn.add_column("how well it is known")
    for line in told:
        bar = "█" * (max(1, _BAR * line.ms // most) if line.ms else 0)
        drawn.add_row(
            line.name, bar, _range(line.known_ms, line.ms), count(line.events), _share(line.seconds)
        )
    return drawn


def _range(known_ms: int, ms: int) -> str:
    if known_ms == ms:
        return duration(ms)
    return f"{duration(known_ms)} to {duration(ms)}"


def _share(seconds: dict[Known, int]) -> str:
    """Return the classes that occur with their share of the time, best first."""
    whole = sum(seconds.values())
    parts = [
        f"{100 * part / whole:.0f} % {_WORDS[known]}" for known, part in seconds.items() if part
    ]
    return ", ".join(parts)

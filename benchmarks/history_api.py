"""A page of a long history and a year of it cost little more than their statements do.

200 users and 1,000,000 events, generated straight into the tables; one user has 100,000 of
them in ten years. Measured is the function that a route calls, in an open transaction; the peer
is what it sends to the database, statement by statement, on a bare connection of the database's
own driver with nothing around it, taking turns. A page has 50 events, at the top, half-way and
at the end of the list; the year is the fifth. Over HTTP the same is asked of the whole application,
in a process of its own with no network between, and so is the memory that it has needed after
60 pages and 30 statistics.
"""

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from fastapi import FastAPI
from sqlalchemy import event

from benchmarks.harness import Goal, Report, Row, Spent, Table, main, peak_mb
from benchmarks.worlds.history import (
    BIG,
    FIRST_S,
    LAST_S,
    NAME,
    ZONE,
    Filled,
    Size,
    fill_postgresql,
    fill_sqlite,
)
from src.history import listing
from src.history.figures import Asked
from src.history.queries.filters import Events
from src.history.queries.listing import Place
from src.history.statistics import statistics as statistics_of
from src.history.yearly import year_of
from src.history.zones import Unit, day_of, zone_named
from src.main import create_app
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.users.request_rate import RequestRates
from src.users.schemas import Scope
from src.users.sign_in import make_token
from src.utils.clock import SystemClock
from src.utils.logging import configure_logging
from tests.databases import PostgresServer
from tests.servers import SUPERUSER, Keeper

YEAR = 2020
PAGE = 50
FULL = Size(users=200, events=1_000_000, big=100_000, rounds=200)
QUICK = Size(users=20, events=60_000, big=20_000, rounds=60)
_SPAWN = multiprocessing.get_context("spawn")


# What is asked of it.


@dataclass
class Side:
    """One thing asked: what the function took each time, what its statements took bare (ms).

    `cpu_ms` are processor times of this process, all threads: function, then bare.
    """

    product: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    cpu_ms: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def ratio(self) -> float:
        """How many times as long the function takes."""
        return statistics.median(self.product) / statistics.median(self.bare)

    @property
    def cpu_ratio(self) -> float:
        """How many times as much processor time the function takes."""
        product, bare = map(statistics.median, self.cpu_ms)
        return product / bare

    def at(self, percent: int) -> float:
        """What that share of the calls did not exceed, in milliseconds."""
        return statistics.quantiles(self.product, n=100, method="inclusive")[percent - 1]


Call = Callable[[Runtime, Any], Awaitable[object]]


async def compared(filled: Filled, call: Call, *, rounds: int) -> Side:
    """Let the function and its bare statements take turns."""
    runtime = Runtime.open(filled.settings())
    side, sent = Side(), list[tuple[str, Any]]()

    def note(_c: Any, _cursor: Any, text: str, values: Any, *_rest: object) -> None:
        sent.append((text, values))

    with filled.bare() as execute:
        for turn in range(rounds + WARM):
            async with runtime.database.transaction(BIG, write=False) as session:
                await session.connection()
                if not turn:
                    event.listen(runtime.database.engine.sync_engine, "before_cursor_execute", note)
                with Spent() as product:
                    await call(runtime, session)
                if not turn:
                    event.remove(runtime.database.engine.sync_engine, "before_cursor_execute", note)
            with Spent() as bare:
                for text, values in sent:
                    execute(text, values)
            if turn >= WARM:
                side.product.append(product.wall_s * 1000)
                side.bare.append(bare.wall_s * 1000)
                side.cpu_ms[0].append(product.cpu_s * 1000)
                side.cpu_ms[1].append(bare.cpu_s * 1000)
    await runtime.close()
    return side


WARM = 5
"""First rounds that do not count: statements are planned, and pages of the file read."""


def a_page(after: Place | None) -> Call:
    """Return the call of `GET /api/history` at that place."""

    async def call(_runtime: Runtime, session: Any) -> object:
        events = Events(zone=zone_named(ZONE))
        items, _ = await listing.page(session, user_id=BIG, events=events, after=after, limit=PAGE)
        assert len(items) == PAGE
        return items

    return call


async def a_year(_runtime: Runtime, session: Any) -> object:
    """Make the call of `GET /api/history/year/{year}`."""
    found = await year_of(session, user_id=BIG, number=YEAR, zone=zone_named(ZONE), now_s=LAST_S)
    assert found.totals.events > 0
    return found


async def all_time(_runtime: Runtime, session: Any) -> object:
    """Make the call of `GET /api/history/statistics`, of ten years."""
    zone = zone_named(ZONE)
    asked = Asked(zone, FIRST_S, LAST_S)
    return await statistics_of(
        session, user_id=BIG, asked=asked, unit=Unit.MONTH, today=day_of(LAST_S, zone)
    )


def places() -> list[Place | None]:
    """Return the top of the list, half-way down, and a place near the end."""
    length_s = LAST_S - FIRST_S
    return [None, (FIRST_S + length_s // 2, "0" * 32), (FIRST_S + length_s // 50, "0" * 32)]


# Over HTTP, and memory.


class Served(NamedTuple):
    """Milliseconds of requests over HTTP, and the most memory the process had, in MB."""

    page: list[float]
    year: list[float]
    statistics: list[float]
    memory_mb: float


def served(filled: Filled) -> Served:
    """Ask the whole application in a process of its own."""
    with _SPAWN.Pool(1) as pool:
        return pool.apply(_serve, (filled,))


def _serve(filled: Filled) -> Served:
    configure_logging(level="WARNING", stream=sys.stderr, clock=SystemClock(), json=False)
    return asyncio.run(_asked(filled))


async def _asked(filled: Filled) -> Served:
    runtime = Runtime.open(filled.settings())
    async with runtime.database.transaction(BIG) as session:
        _, bearer = await make_token(
            runtime, session, user_id=BIG, name="benchmark", scopes=[Scope.READ]
        )
    spotify = Spotify.open(runtime, SpotifySettings(_env_file=None))
    app = create_app(runtime, spotify=spotify, background=False)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="https://127.0.0.1:8000",
        headers={"Authorization": f"Bearer {bearer}"},
    ) as client:
        pages, cursor = [], None
        for _ in range(60):
            asked = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            took, reply = await _get(app, client, "/api/history", asked)
            pages.append(took)
            cursor = reply["next_cursor"]
        sums = [
            (await _get(app, client, "/api/history/statistics", {"from": f"{year}-01-01"}))[0]
            for year in [2016 + turn % 10 for turn in range(30)]
        ]
        memory_mb = peak_mb()
        years = [(await _get(app, client, f"/api/history/year/{YEAR}", {}))[0] for _ in range(20)]
    await spotify.close()
    await runtime.close()
    return Served(pages, years, sums, memory_mb)


async def _get(
    app: FastAPI, client: httpx2.AsyncClient, path: str, asked: dict[str, str]
) -> tuple[float, Any]:
    app.state.request_rates = RequestRates(app.state.runtime.clock)
    begun = time.perf_counter()
    reply = await client.get(path, params=asked)
    took = (time.perf_counter() - begun) * 1000
    assert reply.status_code == httpx2.codes.OK, reply.text
    return took, reply.json()


# The report.


def measure(quick: bool) -> Report:  # noqa: FBT001 - the harness asks so
    """Measure both databases, one after the other."""
    configure_logging(level="WARNING", stream=sys.stderr, clock=SystemClock(), json=False)
    report, size = Report("history_api"), QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        note(report, fill_sqlite(Path(folder), size), size)
    with tempfile.TemporaryDirectory() as folder, closing(Keeper()) as keeper:
        port = keeper.ports["postgres"]
        assert port is not None, "unset TEST_POSTGRES_URL"
        server = PostgresServer(host="127.0.0.1", port=port, superuser=SUPERUSER)
        server.create_roles()
        note(report, fill_postgresql(server, Path(folder), size), size)
        server.drop_database(NAME)
    return report


def note(report: Report, filled: Filled, size: Size) -> None:
    """Note what one database takes."""
    kind = filled.kind
    pages = [asyncio.run(compared(filled, a_page(place), rounds=size.rounds)) for place in places()]
    a_years = asyncio.run(compared(filled, a_year, rounds=max(10, size.rounds // 5)))
    sums = asyncio.run(compared(filled, all_time, rounds=5))
    over_http = served(filled)
    names = ("top", "half-way", "end")
    rows = [Row("bare, top", pages[0].bare)]
    rows += [Row(name, side.product) for name, side in zip(names, pages, strict=True)]
    rows.append(Row("over HTTP", over_http.page))
    report.tables.append(Table(f"A page of {PAGE} events, {kind}", "ms", rows))
    told = [Row("bare", a_years.bare), Row("function", a_years.product)]
    told.append(Row("over HTTP", over_http.year))
    report.tables.append(Table(f"A year, {kind}", "ms", told))
    told = [Row("bare", sums.bare), Row("function, ten years", sums.product)]
    told.append(Row("over HTTP, 1 to 10 years", over_http.statistics))
    report.tables.append(Table(f"All statistics, {kind}", "ms", told))
    report.add(f"{kind}_page_ratio", max(side.ratio for side in pages), Goal(4))
    report.add(f"{kind}_page_p99_ms", max(side.at(99) for side in pages), Goal(20))
    medians = [statistics.median(side.product) for side in pages]
    report.add(f"{kind}_page_end_to_top_ratio", medians[-1] / medians[0], Goal(1.25))
    report.add(f"{kind}_year_p50_ms", statistics.median(a_years.product), Goal(30))
    report.add(f"{kind}_year_ratio", a_years.ratio, Goal(2))
    if kind == "sqlite":  # which works in this process; PostgreSQL does not
        report.add("sqlite_page_cpu_ratio", max(side.cpu_ratio for side in pages))
        report.add("sqlite_year_cpu_ratio", a_years.cpu_ratio)
    report.add(f"{kind}_memory_mb", over_http.memory_mb, Goal(150))


if __name__ == "__main__":
    sys.exit(main("history_api", __doc__, measure))

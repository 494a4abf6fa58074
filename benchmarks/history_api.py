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
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID

import httpx2
import psycopg
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import event

from benchmarks.harness import Goal, Report, Row, Table, main, peak_mb
from src.config import Settings
from src.history import listing
from src.history.figures import Asked
from src.history.queries.filters import Events
from src.history.queries.listing import Place
from src.history.statistics import statistics as statistics_of
from src.history.yearly import year_of
from src.history.zones import Unit, day_of, zone_named
from src.main import create_app
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.users.request_rate import RequestRates
from src.users.schemas import Scope
from src.users.sign_in import make_token
from src.utils.clock import SystemClock
from src.utils.logging import configure_logging
from src.utils.types import UserId
from tests.databases import PostgresServer
from tests.servers import SUPERUSER, Keeper

SEED = 5
FIRST_S = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR = 2020
PAGE = 50
ZONE = "Europe/Berlin"
BIG = UserId(1)
NAME = "history_api"
_SPAWN = multiprocessing.get_context("spawn")

Database = Literal["sqlite", "postgresql"]
Rows = Iterable[tuple[Any, ...]]


class Size(NamedTuple):
    """How much there is: users, events of all, and of the one that is asked about."""

    users: int
    events: int
    big: int
    rounds: int


FULL = Size(200, 1_000_000, 100_000, 200)
QUICK = Size(20, 60_000, 20_000, 60)


@dataclass(frozen=True, slots=True)
class Filled:
    """A database full of history, and how a process of the product reaches it."""

    kind: Database
    folder: Path
    url: str
    scheduler: str

    def settings(self) -> Settings:
        """Return the settings of such a process."""
        return Settings(
            _env_file=None,
            data_dir=self.folder,
            database_url=self.url,
            database_scheduler_url=self.scheduler,
            encryption_keys=SecretStr(f"1:{Fernet.generate_key().decode()}"),
        )

    @contextmanager
    def bare(self) -> Iterator[Callable[[str, Any], Any]]:
        """Open a connection of the driver's own; the product's guards are not on it."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                yield lambda text, values: file.execute(text, values).fetchall()
            return
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            connection.execute("select set_config('app.user_id', %s, false)", [str(BIG)])
            yield lambda text, values: connection.execute(text, values).fetchall()


# What is in it.


def tables(size: Size) -> Iterator[tuple[str, str, Rows]]:
    """Yield each table's name, columns and rows; the same for every database."""
    others = (size.events - size.big) // (size.users - 1)
    per_user = [size.big, *([others] * (size.users - 1))]
    users = range(1, size.users + 1)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    yield (
        "users",
        "id, name, password_hash, role, time_zone, created_at",
        ((user, f"user{user}", "-", "user", ZONE, now) for user in users),
    )
    yield "history_state", "user_id, version", ((user, 1) for user in users)
    yield (
        "coverage",
        "user_id, from_s, to_s, class",
        ((user, FIRST_S, LAST_S, "exact") for user in users),
    )
    yield from _catalogue(size.big // 5, now)
    yield (
        "history_show",
        "id, user_id, name_norm, name",
        (
            (_ref(user, show), user, f"show {show}", f"Show {show}")
            for user in users
            for show in range(SHOWS)
        ),
    )
    yield (
        "history_episode",
        "id, user_id, identity, episode_id, name, show_ref",
        (
            (
                _ref(user, number),
                user,
                f"spotify:{number}",
                str(number),
                f"Episode {number}",
                _ref(user, number % SHOWS),
            )
            for user, events in zip(users, per_user, strict=True)
            for number in range(events // 5)
        ),
    )
    yield (
        "observation",
        "id, user_id, episode_ref, source, ended_s, began_s, ms, n, flags, apart_s",
        (one.observation for one in _listening(per_user)),
    )
    yield (
        "listening_event",
        _EVENT_COLUMNS,
        (one.event for one in _listening(per_user)),
    )


SHOWS = 60
_EVENT_COLUMNS = (
    "user_id, ended_s, id, began_s, earliest_s, latest_s, ms, certainty, rule, doubtful,"
    " at_least, clamped, hidden, episode_ref, show_ref, observation_id"
)
_EPISODE_COLUMNS = (
    "id, show_id, name, description, duration_ms, release_date, release_precision, explicit,"
    " playable, languages, first_seen_at, fetched_at, misses"
)


def _ref(user: int, number: int) -> int:
    return user * 1_000_000 + number


def _catalogue(episodes: int, now: datetime) -> Iterator[tuple[str, str, Rows]]:
    yield (
        '"show"',
        "id, name, description, languages, explicit, list_order, misses, fetched_at, folded",
        (
            (f"s{show}", f"Show {show}", "", "en", False, "unknown", 0, now, f"show {show}")
            for show in range(SHOWS)
        ),
    )
    yield (
        "episode",
        _EPISODE_COLUMNS,
        (
            (
                *(str(number), f"s{number % SHOWS}", f"Episode {number}", "", 3_600_000),
                *(f"{2015 + number % 11}-05-{1 + number % 28:02}", "day", False, True, "en"),
                *(now, now, 0),
            )
            for number in range(episodes)
        ),
    )


class _Listened(NamedTuple):
    observation: tuple[Any, ...]
    event: tuple[Any, ...]


def _listening(per_user: list[int]) -> Iterator[_Listened]:
    random = Random(SEED)
    row = 0
    for user, events in enumerate(per_user, start=1):
        step = (LAST_S - FIRST_S) / events
        for number in range(events):
            row += 1
            ended_s = FIRST_S + int(number * step) + random.randrange(int(step))
            ms, episode = random.randrange(3_600_000), random.randrange(events // 5)
            kind = random.random()
            certainty = "exact" if kind < 0.8 else "minute" if kind < 0.95 else "window"  # noqa: PLR2004 - shares
            began_s = ended_s - (14_400 if certainty == "window" else ms // 1000)
            source = {"exact": "ext", "minute": "acc", "window": "win"}[certainty]
            ref = _ref(user, episode)
            yield _Listened(
                (row, user, ref, source, ended_s, began_s, ms, row, 0, 0),
                (
                    *(user, ended_s, UUID(int=random.getrandbits(128)), began_s),
                    *(began_s if certainty == "window" else ended_s, ended_s, ms, certainty),
                    *("extended", False, False, False, False),
                    *(ref, _ref(user, episode % SHOWS), row),
                ),
            )


def fill_sqlite(folder: Path, size: Size) -> Filled:
    """Make a SQLite file with all of it."""
    path = folder / "playhead.db"
    url = f"sqlite:///{path}"
    upgrade(url)
    sqlite3.register_adapter(UUID, lambda value: value.hex)
    sqlite3.register_adapter(datetime, lambda value: f"{value:%Y-%m-%d %H:%M:%S.%f}")
    with closing(sqlite3.connect(path)) as file:
        file.execute("pragma synchronous = off")
        for table, columns, rows in tables(size):
            marks = ", ".join("?" for _ in columns.split(","))
            file.executemany(f"insert into {table} ({columns}) values ({marks})", rows)  # noqa: S608 - names of this file
        file.commit()
    return Filled("sqlite", folder, url, url)


def fill_postgresql(server: PostgresServer, folder: Path, size: Size) -> Filled:
    """Make a PostgreSQL database with all of it."""
    server.drop_database(NAME)
    server.create_database(NAME)
    upgrade(server.url(NAME, role="playhead_owner"))
    with server.connect(NAME) as connection:
        for table, columns, rows in tables(size):
            with connection.cursor().copy(f"copy {table} ({columns}) from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("vacuum analyze")
    runtime = server.url(NAME, role="playhead_runtime")
    return Filled("postgresql", folder, runtime, server.url(NAME, role="playhead_scheduler"))


# What is asked of it.


@dataclass
class Side:
    """One thing asked: what the function took each time, what its statements took bare (ms)."""

    product: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times as long the function takes."""
        return statistics.median(self.product) / statistics.median(self.bare)

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
                begun = time.perf_counter()
                await call(runtime, session)
                product = time.perf_counter() - begun
                if not turn:
                    event.remove(runtime.database.engine.sync_engine, "before_cursor_execute", note)
            begun = time.perf_counter()
            for text, values in sent:
                execute(text, values)
            if turn >= WARM:
                side.bare.append((time.perf_counter() - begun) * 1000)
                side.product.append(product * 1000)
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
    report.add(f"{kind}_memory_mb", over_http.memory_mb, Goal(150))


if __name__ == "__main__":
    sys.exit(main("history_api", __doc__, measure))

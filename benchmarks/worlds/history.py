"""A database full of listening history, the same at every run: for benchmarks of what reads it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from cryptography.fernet import Fernet
from pydantic import SecretStr

from src.config import Settings
from src.operations.migrations import upgrade
from src.utils.types import UserId
from tests.databases import PostgresServer

SEED = 5
FIRST_S = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
ZONE = "Europe/Berlin"
BIG = UserId(1)
NAME = "history_api"

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

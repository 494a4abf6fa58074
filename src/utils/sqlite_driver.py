"""The asynchronous SQLite driver with one trip to its thread for each statement.

aiosqlite goes to its thread four times for a statement: to make a cursor, to execute,
to fetch and to close. Here the thread does all of it at once and hands back what it has.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, cast

import aiosqlite

CHUNK = 1000
"""Rows fetched along with the execution; longer results are fetched on as they are read."""


class Cursor:
    """A cursor that is made, executed and, if the result is short, read in one trip.

    It offers what SQLAlchemy's adapter asks of aiosqlite's.
    """

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        """Ask nothing of the thread yet."""
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self._is_read = True

    async def __aenter__(self) -> Self:
        """Return the cursor as it is."""
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Execute a statement and fetch up to `CHUNK` rows."""
        await self._connection.trip(self._begin, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Execute a statement without a result once for each of `parameters`."""
        self._cursor = await self._connection.trip(self._raw.executemany, sql, parameters)
        return self

    @property
    def _raw(self) -> sqlite3.Connection:
        return self._connection._conn  # noqa: SLF001 - there is no public name for it

    def _begin(self, sql: str, parameters: Iterable[Any]) -> None:
        # Runs in the thread; nobody else looks at the cursor before it has ended.
        self._cursor = self._raw.execute(sql, cast("Sequence[Any]", parameters))
        self._rows = self._cursor.fetchmany(CHUNK) if self._cursor.description else []
        self._is_read = len(self._rows) < CHUNK

    async def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return up to `size` more rows."""
        wanted = size or self.arraysize
        if not self._rows and not self._is_read:
            asked = max(wanted, CHUNK)
            self._rows = await self._connection.trip(self._open.fetchmany, asked)
            self._is_read = len(self._rows) < asked
        found, self._rows = self._rows[:wanted], self._rows[wanted:]
        return found

    async def fetchall(self) -> list[Any]:
        """Return every row that is left."""
        found, self._rows = self._rows, []
        if not self._is_read:
            found += await self._connection.trip(self._open.fetchall)
            self._is_read = True
        return found

    async def close(self) -> None:
        """Give up what was not read; a result read to its end holds nothing."""
        self._rows = []
        if not self._is_read:
            self._is_read = True
            await self._connection.trip(self._open.close)

    @property
    def _open(self) -> sqlite3.Cursor:
        if self._cursor is None:
            raise sqlite3.ProgrammingError("nothing was executed yet")
        return self._cursor

    @property
    def description(self) -> Any:
        """Columns of the result; None for a statement without one."""
        return None if self._cursor is None else self._cursor.description

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed; -1 if that makes no sense."""
        return -1 if self._cursor is None else self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """Key of the row inserted last."""
        return None if self._cursor is None else self._cursor.lastrowid


class Connection(aiosqlite.Connection):
    """A connection whose cursors make one trip."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        """Return a cursor; unlike aiosqlite's, making it is nothing to wait for."""
        return Cursor(self)

    async def trip(self, function: Callable[..., Any], *args: object) -> Any:
        """Return what `function` of `args` returns in the connection's thread."""
        return await self._execute(function, *args)  # type: ignore[no-untyped-call]


async def connect(database: str) -> Connection:
    """Open the database file at the path `database`."""

    def open_it() -> sqlite3.Connection:
        # Cached statements would skip the authorizer.
        return sqlite3.connect(database, check_same_thread=False, cached_statements=0)

    connection = Connection(open_it, iter_chunk_size=CHUNK)
    connection._thread.daemon = True  # noqa: SLF001 - or one left open keeps the process alive
    await connection
    return connection

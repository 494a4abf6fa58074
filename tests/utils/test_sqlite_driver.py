"""The SQLite driver: one trip for a statement, and results of any length."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.utils.sqlite_driver import CHUNK, Connection, connect


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    """An open connection to a file of its own."""
    opened = await connect(str(tmp_path / "numbers.db"))
    await opened.cursor().execute("create table number (n integer primary key)")
    yield opened
    await opened.close()


async def fill(connection: Connection, rows: int) -> None:
    """Insert the numbers from 0 on."""
    many = [(n,) for n in range(rows)]
    await connection.cursor().executemany("insert into number values (?)", many)


@pytest.mark.parametrize("rows", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 1])
async def test_results_of_any_length_are_whole(connection: Connection, rows: int) -> None:
    """What did not come along with the execution is fetched later, in order."""
    await fill(connection, rows)
    cursor = connection.cursor()
    await cursor.execute("select n from number order by n")

    assert [(n,) for n in range(rows)] == await cursor.fetchall()
    assert [] == await cursor.fetchall()


@pytest.mark.parametrize("rows", [0, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_rows_can_be_read_a_few_at_a_time(connection: Connection, rows: int) -> None:
    """Reading on in small steps loses and doubles nothing."""
    await fill(connection, rows)
    cursor = connection.cursor()
    await cursor.execute("select n from number order by n")
    found = []
    while (row := await cursor.fetchone()) is not None:
        found.append(row)
        found += await cursor.fetchmany(700)

    assert [(n,) for n in range(rows)] == found


async def test_a_statement_is_one_trip(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making, reading and closing a cursor asks nothing of the thread."""
    await fill(connection, 3)
    trips = []
    trip = connection.trip

    async def counted(function: object, *args: object) -> object:
        trips.append(function)
        return await trip(function, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(connection, "trip", counted)
    cursor = connection.cursor()
    await cursor.execute("select n from number")
    rows = await cursor.fetchall()
    await cursor.close()

    assert 3 == len(rows)
    assert 1 == len(trips)


async def test_a_result_given_up_lets_others_write(connection: Connection) -> None:
    """Closing a cursor in mid-result ends its statement."""
    await fill(connection, CHUNK + 1)
    cursor = connection.cursor()
    await cursor.execute("select n from number")
    await cursor.close()
    await connection.cursor().execute("drop table number")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await connection.cursor().execute("select n from number")


async def test_counts_and_columns_are_those_of_the_statement(connection: Connection) -> None:
    """Rows changed, the last key and the columns are there after the trip."""
    cursor = connection.cursor()
    before = (cursor.description, cursor.rowcount, cursor.lastrowid)
    await cursor.execute("insert into number values (?), (?) returning n", (7, 8))

    assert (None, -1, None) == before
    assert ["n"] == [column[0] for column in cursor.description]
    assert 2 == cursor.rowcount
    assert [(7,), (8,)] == await cursor.fetchall()


async def test_errors_of_the_thread_arrive(connection: Connection) -> None:
    """A statement that fails raises what SQLite said."""
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        await connection.cursor().execute("selekt 1")

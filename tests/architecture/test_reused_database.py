"""The database that tests have one after the other."""

import psycopg
import pytest

from tests.databases import PostgresServer
from tests.reused_database import ReusedDatabase

SEEDED = """
    create schema apart;
    create table version (number int);
    insert into version values (7);
    create table shelf (id serial primary key);
    create table apart.book (id serial, shelf_id int not null references shelf);
    insert into shelf default values
"""


@pytest.fixture
def reused(postgres_roles: PostgresServer, worker_id: str) -> ReusedDatabase:
    """A database of two tables and a seed of one row each."""
    template = f"seeded_{worker_id}"
    postgres_roles.drop_database(template)
    postgres_roles.create_database(template)
    with postgres_roles.connect(template) as connection:
        connection.execute(SEEDED)
    return ReusedDatabase(postgres_roles, f"reused_{worker_id}", template)


def contents(connection: psycopg.Connection) -> tuple[list[int], list[int], int]:
    """Return versions, shelves and the number of books."""
    versions = connection.execute("select number from version").fetchall()
    shelves = connection.execute("select id from shelf order by id").fetchall()
    books = connection.execute("select * from apart.book").fetchall()
    return [one for (one,) in versions], [one for (one,) in shelves], len(books)


def test_rows_and_sequences_are_put_back(reused: ReusedDatabase) -> None:
    """Whatever was written, the next test finds the rows and the next numbers of the template."""
    with reused.server.connect(reused.renew()) as connection:
        before = contents(connection)
        identity = connection.execute(
            "select oid from pg_database where datname = %s", [reused.name]
        ).fetchone()
        connection.execute("insert into shelf default values")
        connection.execute("insert into apart.book (shelf_id) values (2)")
        connection.execute("delete from version")

    with reused.server.connect(reused.renew()) as connection:
        after = contents(connection)
        again = connection.execute(
            "select oid from pg_database where datname = %s", [reused.name]
        ).fetchone()
        numbers = connection.execute(
            "select nextval('shelf_id_seq'), nextval('apart.book_id_seq')"
        ).fetchone()
    reused.drop()

    assert ([7], [1], 0) == before == after
    assert (2, 1) == numbers
    assert identity == again


@pytest.mark.parametrize(
    "change",
    [
        "create table mine (x int)",
        "drop table apart.book",
        "alter table shelf enable row level security",
        "create policy all_of_it on shelf using (true)",
        "revoke select on shelf from playhead_owner; grant select on shelf to playhead_runtime",
        "create function one() returns int language sql as 'select 1'",
        "alter table shelf add check (id < 100)",
        "create index on version (number)",
        "create view shown as select * from version",
        "truncate version",
    ],
)
def test_a_touched_schema_is_copied_anew(reused: ReusedDatabase, change: str) -> None:
    """No test can leave a table, a policy, a grant or anything like it to the next."""
    asked = "select oid from pg_database where datname = current_database()"
    with reused.server.connect(reused.renew()) as connection:
        first = connection.execute(asked).fetchone()
        connection.execute(change)

    with reused.server.connect(reused.renew()) as connection:
        second = connection.execute(asked).fetchone()
        found = contents(connection)
    reused.drop()

    assert first != second
    assert ([7], [1], 0) == found


def test_whoever_is_still_connected_is_cut_off(reused: ReusedDatabase) -> None:
    """A connection left open, even one that holds a lock, cannot stand in the next test's way."""
    left = reused.server.connect(reused.renew())
    left.execute("begin")
    left.execute("lock table version")

    with reused.server.connect(reused.renew()) as connection:
        found = contents(connection)
    with pytest.raises(psycopg.OperationalError):
        left.execute("select 1")
    left.close()
    reused.drop()

    assert ([7], [1], 0) == found

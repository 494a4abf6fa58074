"""One PostgreSQL database that many tests have, one after the other, each as if it were new.

Making a database takes some 60 ms of processor time, emptying one a tenth of that.
"""

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests.databases import PostgresServer

MOST_USES = 100  # deleted rows stay in the files, and every scan passes over them
_CATALOGS = (
    *("pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_default_acl"),
    *("pg_description", "pg_index", "pg_namespace", "pg_policy", "pg_proc", "pg_rewrite"),
    *("pg_sequence", "pg_trigger", "pg_type"),
)
_SCHEMA = "select " + ", ".join(
    f"(select (count(*), max(xmin::text::bigint))::text from {catalog})" for catalog in _CATALOGS
)
_TABLES = """
    select relnamespace::regnamespace::text, relname from pg_class
    where relkind = 'r'
        and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""
_SEQUENCES = (
    "select format('%I.%I', schemaname, sequencename), start_value, last_value from pg_sequences"
)
_OTHERS = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class _Original:
    """What the database was when it had just been copied."""

    schema: tuple[object, ...]
    rows: list[tuple[sql.Identifier, bytes]]  # of every table, as COPY writes them
    sequences: list[tuple[str, int, bool]]  # name, value, whether it was given out


@dataclass
class ReusedDatabase:
    """A copy of a template, put back into its first state before each use."""

    server: PostgresServer
    name: str
    template: str
    _original: _Original | None = field(default=None, init=False)
    _uses: int = field(default=0, init=False)

    def renew(self) -> str:
        """End what is connected, undo what was done to the database, and return its name.

        Rows and sequences are put back. A database whose schema was touched, in whatever way, is
        dropped and copied anew.
        """
        self._uses += 1
        if self._original is None or self._uses % MOST_USES == 0 or not self._emptied():
            self.drop()
            self.server.create_database(self.name, template=self.template)
            with self.server.connect(self.name) as connection:
                self._original = _seen(connection)
        return self.name

    def drop(self) -> None:
        """Drop it, with whoever is connected."""
        self.server.drop_database(self.name)
        self._original = None

    def _emptied(self) -> bool:
        """Put rows and sequences back; False when the schema is not what it was."""
        assert self._original is not None
        with self.server.connect(self.name) as connection:
            connection.execute(_OTHERS)
            if connection.execute(_SCHEMA).fetchone() != self._original.schema:
                return False
            connection.execute("set session_replication_role = replica")  # no key, no trigger
            tables = self._original.rows
            connection.execute(
                sql.SQL("; ").join(sql.SQL("delete from {}").format(table) for table, _ in tables)
            )
            for table, kept in tables:
                if kept:
                    _write(connection, table, kept)
            for name, value, given_out in self._original.sequences:
                connection.execute("select setval(%s, %s, %s)", [name, value, given_out])
        return True


def _seen(connection: psycopg.Connection) -> _Original:
    schema = connection.execute(_SCHEMA).fetchone()
    assert schema is not None
    tables = [sql.Identifier(*row) for row in connection.execute(_TABLES).fetchall()]
    sequences = [
        (name, start if last is None else last, last is not None)
        for name, start, last in connection.execute(_SEQUENCES).fetchall()
    ]
    rows = [(table, _read(connection, table)) for table in tables]
    return _Original(schema, rows, sequences)


def _read(connection: psycopg.Connection, table: sql.Identifier) -> bytes:
    with connection.cursor().copy(sql.SQL("copy {} to stdout").format(table)) as copied:
        return b"".join(bytes(part) for part in copied)


def _write(connection: psycopg.Connection, table: sql.Identifier, rows: bytes) -> None:
    with connection.cursor().copy(sql.SQL("copy {} from stdin").format(table)) as copied:
        copied.write(rows)

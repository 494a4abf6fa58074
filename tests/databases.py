"""Databases and roles on the PostgreSQL of the test session.

Nothing here knows the product's tables: a folder's `conftest.py` makes a template with them once
and then asks for copies.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

Role = Literal["playhead_owner", "playhead_runtime", "playhead_scheduler", "playhead_backup"]

ROLE_PASSWORD = "playhead-test"
ROLES: dict[Role, str] = {
    "playhead_owner": "nosuperuser nobypassrls",  # owns databases and migrates them
    "playhead_runtime": "nosuperuser nobypassrls",  # what web and worker processes are
    "playhead_scheduler": "nosuperuser nobypassrls",  # claims due users, sees little else
    "playhead_backup": "nosuperuser bypassrls",  # reads every row, writes none
}
_ROLES_LOCK = 4_021_995  # any number, the same in every process


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """Where the session's PostgreSQL listens, and who its superuser is."""

    host: str
    port: int
    superuser: str
    password: str = ""

    @classmethod
    def from_url(cls, url: str) -> "PostgresServer":
        """Read `postgresql://superuser:password@host:port/...`."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 5432,
            superuser=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
        )

    def url(
        self, database: str, *, role: Role | None = None, scheme: str = "postgresql+psycopg"
    ) -> str:
        """Return the URL by which `role`, or the superuser, reaches `database`."""
        user, password = (role, ROLE_PASSWORD) if role else (self.superuser, self.password)
        secret = f":{password}" if password else ""
        return f"{scheme}://{user}{secret}@{self.host}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection as the superuser; each statement commits by itself."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.superuser,
            password=self.password or None,
            dbname=database,
            autocommit=True,
        )

    def create_roles(self) -> None:
        """Create the product's four roles, once a cluster, whoever else is doing the same."""
        with self.connect() as connection:
            connection.execute("select pg_advisory_lock(%s)", [_ROLES_LOCK])
            rows = connection.execute("select rolname from pg_roles").fetchall()
            for role, attributes in ROLES.items():
                if (role,) not in rows:
                    statement = f"create role {{}} login {attributes} password {{}}"
                    connection.execute(
                        sql.SQL(statement).format(sql.Identifier(role), sql.Literal(ROLE_PASSWORD))
                    )

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database owned by `playhead_owner`, empty or a copy of `template`.

        Copied by way of the log, for copying files asks for a checkpoint and takes three times the
        work. Nobody may be connected to the template meanwhile.
        """
        statement = sql.SQL(
            "create database {} owner playhead_owner template {} strategy wal_log"
        ).format(sql.Identifier(name), sql.Identifier(template or "template0"))
        with self.connect() as connection:
            connection.execute(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database, with the connections it still has; an absent one is no error."""
        statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        with self.connect() as connection:
            connection.execute(statement)

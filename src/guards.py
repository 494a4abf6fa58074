"""What stands behind each statement's own `user_id` filter.

PostgreSQL forces row-level security; SQLite has an authorizer that closes tenant tables
to a connection opened for nobody. Whom a connection was opened for stands in its
`info["tenant"]`. Tables are marked in their `info`: `key` names a column that proves
itself (a token's hash), `scheduler` the tables the scheduler may touch.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.sql import visitors

from src.errors import NoUser

Tables = Mapping[str, Table]


def is_tenant(table: Table) -> bool:
    """Tell whether the rows of `table` belong to users."""
    return "user_id" in table.columns or table.name == "users"


def _may_touch(table: str, info: Mapping[Any, Any], tables: Tables) -> bool:
    """Decide for one table name; a table that no loaded room declares is closed too."""
    own = table == "alembic_version" or table.startswith("sqlite_")
    if own or info.get("user_id") is not None:
        return True
    found = tables.get(table)
    if found is None or not is_tenant(found):
        return found is not None
    if info.get("scheduler"):
        return bool(found.info.get("scheduler"))
    return bool(info.get("key")) and "key" in found.info


_TOUCH = {
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
}


def _guard_sqlite(engine: Engine, tables: Tables, busy_timeout_ms: int) -> None:
    """Close tenant tables to connections that were not opened for a user."""

    @event.listens_for(engine, "connect")
    def install(dbapi: Any, record: Any) -> None:
        info = record.info

        def decide(action: int, table: str | None, column: str | None, *_rest: object) -> int:
            tenant = info.get("tenant", {})
            # Deleting a row makes SQLite look at the key its foreign keys point to.
            parent = (action, table, column) == (sqlite3.SQLITE_READ, "users", "id")
            allowed = (
                action not in _TOUCH
                or table is None
                or (parent and tenant.get("scheduler"))
                or _may_touch(table, tenant, tables)
            )
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

        dbapi.isolation_level = None  # transactions are begun by _begin below, not by the driver
        cursor = dbapi.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={busy_timeout_ms}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        if hasattr(dbapi, "run_async"):
            # aiosqlite offers no public call for it; the version is pinned and a test watches.
            dbapi.run_async(lambda raw: raw._execute(raw._conn.set_authorizer, decide))  # noqa: SLF001
        else:
            dbapi.set_authorizer(decide)

    @event.listens_for(engine, "invalidate")
    def let_go(dbapi: Any, _record: object, _error: object) -> None:
        dbapi.rollback()  # given up in mid-statement, it would keep the write lock

    @event.listens_for(engine, "reset")
    def reset(dbapi: Any, _record: object, _state: object) -> None:
        # Nearly always there is nothing to roll back, which can be asked without a trip.
        raw = getattr(dbapi, "driver_connection", dbapi)
        if raw.in_transaction:
            dbapi.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns to writing fails at once when another
        # writer was first; taking the write lock at the start waits instead.
        write = connection.get_execution_options().get("playhead_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _guard_postgresql(engine: Engine, tables: Tables) -> None:
    """Say `NoUser` where row-level security alone would silently show nothing."""

    @event.listens_for(engine, "before_execute")
    def check(connection: Connection, statement: Any, *_rest: object) -> None:
        if not hasattr(statement, "get_children"):
            return
        info = connection.info.get("tenant", {})
        for element in visitors.iterate(statement):
            if isinstance(element, Table) and not _may_touch(element.name, info, tables):
                raise NoUser(f"{element.name} was touched by a session opened for nobody")


def _common_guard(engine: Engine) -> None:
    """Forget the user when a connection goes back, and name refused access."""

    @event.listens_for(engine, "checkin")
    def forget(_dbapi: object, record: Any) -> None:
        record.info.pop("tenant", None)

    @event.listens_for(engine, "handle_error")
    def name_it(context: Any) -> None:
        original = context.original_exception
        if getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
            raise NoUser("rows of users were touched by a session opened for nobody") from original


def guard(engine: Engine, tables: Tables, *, busy_timeout_ms: int) -> None:
    """Put the guards on every connection of `engine`.

    Args:
        engine: Whose connections.
        tables: Every table there is, by name; looked at when a statement comes.
        busy_timeout_ms: How long SQLite waits for another writer.
    """
    if engine.dialect.name == "sqlite":
        _guard_sqlite(engine, tables, busy_timeout_ms)
    else:
        _guard_postgresql(engine, tables)
    _common_guard(engine)

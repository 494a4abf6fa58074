"""Engines and sessions: every session is opened for one user, or for a named narrow purpose.

Two guards stand behind each statement's own `user_id` filter. PostgreSQL forces
row-level security that reads `app.user_id` and `app.key`; SQLite has an
authorizer that closes tenant tables to a connection opened for nobody. Columns
are marked in the tables' `info`: `key` names a column that proves itself (a
token's hash), `scheduler` the tables the scheduler may touch.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Table,
    Update,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeDecorator

from src.errors import NoUser
from src.utils.clock import Clock, SystemClock
from src.utils.types import UserId

Session = AsyncSession
"""A session whose transaction the edge commits; see `Database.transaction`."""

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""Primary keys: 64 bits on PostgreSQL; SQLite counts up only plain integers."""


class Base(DeclarativeBase):
    """Every table; constraints are named so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC on both sides, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive instants and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC instant."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def is_tenant(table: Table) -> bool:
    """Tell whether the rows of `table` belong to users."""
    return "user_id" in table.columns or table.name == "users"


def tenant_tables() -> dict[str, Table]:
    """Return every table whose rows belong to users, by name."""
    return {name: table for name, table in Base.metadata.tables.items() if is_tenant(table)}


class TenantSession(SyncSession):
    """The session class behind every session; it carries whom it was opened for."""


def _open_for(connection: Connection, info: dict[Any, Any]) -> None:
    """Tell the connection whom this transaction is for; '' and None mean nobody."""
    connection.info["tenant"] = info
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("select set_config('app.user_id', :u, true), set_config('app.key', :k, true)"),
            {"u": str(info.get("user_id") or ""), "k": info.get("key") or ""},
        )


@event.listens_for(TenantSession, "after_begin")
def _after_begin(session: SyncSession, _transaction: object, connection: Connection) -> None:
    _open_for(connection, session.info)


def _may_touch(table: str, info: dict[Any, Any]) -> bool:
    """Decide for one table name; a table that no loaded room declares is closed too."""
    own = table == "alembic_version" or table.startswith("sqlite_")
    if own or info.get("user_id") is not None:
        return True
    found = Base.metadata.tables.get(table)
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


def _guard_sqlite(engine: Engine, busy_timeout_ms: int) -> None:
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
                or _may_touch(table, tenant)
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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns to writing fails at once when another
        # writer was first; taking the write lock at the start waits instead.
        write = connection.get_execution_options().get("playhead_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _guard_postgresql(engine: Engine) -> None:
    """Say `NoUser` where row-level security alone would silently show nothing."""

    @event.listens_for(engine, "before_execute")
    def check(connection: Connection, statement: Any, *_rest: object) -> None:
        if not hasattr(statement, "get_children"):
            return
        info = connection.info.get("tenant", {})
        for element in visitors.iterate(statement):
            if isinstance(element, Table) and not _may_touch(element.name, info):
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


def _guard(engine: Engine, busy_timeout_ms: int) -> None:
    if engine.dialect.name == "sqlite":
        _guard_sqlite(engine, busy_timeout_ms)
    else:
        _guard_postgresql(engine)
    _common_guard(engine)


def _with_driver(url: str, sqlite_driver: str) -> str:
    """Return `url` with the driver this code is written for."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        parsed = parsed.set(drivername=sqlite_driver)
    elif backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    else:
        raise ValueError(f"DATABASE_URL must be sqlite:/// or postgresql://, not {backend}")
    return parsed.render_as_string(hide_password=False)


def _connect_args(url: str) -> dict[str, Any]:
    # Cached statements would skip the authorizer.
    return {"cached_statements": 0} if make_url(url).get_backend_name() == "sqlite" else {}


class Database:
    """The database of one process.

    Args:
        url: Runtime database, `sqlite:///file` or `postgresql://...`; on PostgreSQL
            the role must own nothing and bypass nothing.
        scheduler_url: PostgreSQL address of the scheduler role; on SQLite unused.
        clock: Handed to rows that need the time (`SpotifyConnection.needs_sync`).
        busy_timeout_ms: How long SQLite waits for another writer.
        pool_size: Connections kept open on PostgreSQL.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        scheduler_url: str | None = None,
        busy_timeout_ms: int = 10_000,
        pool_size: int = 10,
    ) -> None:
        self._clock = clock
        self.url = _with_driver(url, "sqlite+aiosqlite")
        self.is_sqlite = self.url.startswith("sqlite")
        pool: dict[str, Any] = {} if self.is_sqlite else {"pool_size": pool_size}
        self.engine = self._engine(self.url, busy_timeout_ms, pool)
        self._scheduler_engine = self.engine
        if not self.is_sqlite:
            scheduler = _with_driver(scheduler_url or url, "")
            self._scheduler_engine = self._engine(scheduler, busy_timeout_ms, {"pool_size": 2})
        self._sessions = self._maker(self.engine)
        self._scheduler_sessions = self._maker(self._scheduler_engine)

    @staticmethod
    def _engine(url: str, busy_timeout_ms: int, pool: dict[str, Any]) -> AsyncEngine:
        engine = create_async_engine(url, connect_args=_connect_args(url), **pool)
        _guard(engine.sync_engine, busy_timeout_ms)
        return engine

    def _maker(self, engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(
            engine, sync_session_class=TenantSession, expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def _open(
        self, maker: async_sessionmaker[AsyncSession], *, write: bool, **info: object
    ) -> AsyncIterator[Session]:
        async with maker(info={"clock": self._clock, **info}) as session:
            await session.connection(execution_options={"playhead_write": write})
            yield session
            await session.commit()

    def transaction(self, user_id: UserId, *, write: bool = True) -> Any:
        """Open a transaction for one user; it commits when the block ends without an error.

        Args:
            user_id: Whose rows may be seen and written.
            write: False promises to only read, so that SQLite need not lock.

        Raises:
            NoUser: `user_id` is missing.
        """
        if not user_id:
            raise NoUser("a session was asked for without a user")
        return self._open(self._sessions, write=write, user_id=user_id)

    def keyed(self, key: str, *, write: bool = False) -> Any:
        """Open a transaction that sees only the rows that carry `key` (a hash or a name).

        Used before the user is known; `become` turns it into the user's own.
        """
        return self._open(self._sessions, write=write, key=key)

    def shared(self, *, write: bool = False) -> Any:
        """Open a transaction for nobody: shared tables only, tenant tables raise `NoUser`."""
        return self._open(self._sessions, write=write)

    def scheduling(self, *, write: bool = True) -> Any:
        """Open a transaction of the scheduler: spans users, but few tables and columns."""
        return self._open(self._scheduler_sessions, write=write, scheduler=True)

    async def close(self) -> None:
        """Close every connection; the object is of no use afterwards."""
        await self.engine.dispose()
        await self._scheduler_engine.dispose()


async def become(session: Session, user_id: UserId) -> None:
    """Turn a keyed session into the session of the user whose key it proved."""
    session.sync_session.info["user_id"] = user_id
    connection = await session.connection()
    await connection.run_sync(_open_for, session.sync_session.info)


def upsert(session: Session, model: type[Base]) -> Any:
    """Return the database's own `insert(model)`, the one that knows `on_conflict_do_update`."""
    dialect = session.get_bind().dialect.name
    return sqlite.insert(model) if dialect == "sqlite" else postgresql.insert(model)


async def rows_changed(session: Session, statement: Update | Delete) -> int:
    """Execute `statement` and return how many rows it touched; loaded objects stay as they are."""
    result = await session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount


def sync_address(url: str) -> str:
    """Return `url` for a synchronous engine, with the driver this code is written for."""
    return _with_driver(url, "sqlite+pysqlite")


def sync_engine(url: str) -> Engine:
    """Create a guarded synchronous engine, for the shell."""
    full = sync_address(url)
    engine = create_engine(full, connect_args=_connect_args(full))
    _guard(engine, 10_000)
    return engine


@contextmanager
def sync_session(
    user_id: UserId | int, *, url: str | None = None, clock: Clock | None = None
) -> Iterator[SyncSession]:
    """Open a synchronous session for one user, for scripts and the interactive shell.

    Args:
        user_id: Whose rows may be seen and written.
        url: The database; by default the one of the process settings.
        clock: Time for the rows that need it; by default the machine's.

    Raises `NoUser` when `user_id` is missing.
    """
    from src.config import Settings  # noqa: PLC0415 - settings are read only when asked for

    if not user_id:
        raise NoUser("a session was asked for without a user")
    engine = sync_engine(url or Settings().effective_database_url)
    info = {"user_id": user_id, "clock": clock or SystemClock()}
    try:
        with TenantSession(engine, info=info, expire_on_commit=False) as session:
            session.connection(execution_options={"playhead_write": True})
            yield session
            session.commit()
    finally:
        engine.dispose()


def is_unique_violation(error: DBAPIError) -> bool:
    """Tell whether `error` says that a unique value exists already, on either database."""
    original = error.orig
    if getattr(original, "sqlite_errorname", "").startswith("SQLITE_CONSTRAINT_"):
        return original.sqlite_errorname in {  # type: ignore[union-attr]
            "SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_CONSTRAINT_PRIMARYKEY",
        }
    return getattr(original, "sqlstate", None) == "23505"

"""Engines and sessions: every session is opened for one user, or for a named narrow purpose.

For whom is told to the connection: PostgreSQL's row-level security reads `app.user_id`
and `app.key`, and `guards` looks at its `info`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
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
from sqlalchemy.types import TypeDecorator

from src.errors import NoUser
from src.guards import guard, is_tenant
from src.utils import sqlite_driver
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


class Database:
    """The database of one process.

    Args:
        url: Runtime database, `sqlite:///file` or `postgresql://...`; on PostgreSQL
            the role must own nothing and bypass nothing.
        scheduler_url: PostgreSQL address of the scheduler role; on SQLite unused.
        clock: Handed to rows that need the time (`SpotifyConnection.needs_sync`).
        busy_timeout_ms: How long SQLite waits for another process that writes.
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
        own: dict[str, Any] = {"pool_size": pool_size}
        if self.is_sqlite:
            file = make_url(self.url).database or ""
            creator = partial(sqlite_driver.connect, file)
            own = {"async_creator": creator, "pool_reset_on_return": None}
        self.engine = self._engine(self.url, busy_timeout_ms, own)
        self._scheduler_engine = self.engine
        if not self.is_sqlite:
            scheduler = _with_driver(scheduler_url or url, "")
            self._scheduler_engine = self._engine(scheduler, busy_timeout_ms, {"pool_size": 2})
        self._writer = asyncio.Lock()
        self._sessions = self._maker(self.engine)
        self._scheduler_sessions = self._maker(self._scheduler_engine)

    @staticmethod
    def _engine(url: str, busy_timeout_ms: int, own: dict[str, Any]) -> AsyncEngine:
        engine = create_async_engine(url, **own)
        guard(engine.sync_engine, Base.metadata.tables, busy_timeout_ms=busy_timeout_ms)
        return engine

    def _maker(self, engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(
            engine, sync_session_class=TenantSession, expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def _open(
        self, maker: async_sessionmaker[AsyncSession], *, write: bool, **info: object
    ) -> AsyncIterator[Session]:
        # SQLite lets one write and is not fair to those who wait: they queue here instead.
        turn = self._writer if write and self.is_sqlite else nullcontext()
        async with turn, maker(info={"clock": self._clock, **info}) as session:
            await session.connection(execution_options={"playhead_write": write})
            yield session
            await session.commit()

    def transaction(self, user_id: UserId, *, write: bool = True) -> Any:
        """Open a transaction for one user; it commits when the block ends without an error.

        Args:
            user_id: Whose rows may be seen and written.
            write: False promises to only read, so that SQLite need not lock. Writing
                transactions are not nested: the inner one would wait for the outer.

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


def dialect_of(session: Session) -> str:
    """Return `sqlite` or `postgresql`: statements that differ are built for one of them."""
    return session.get_bind().dialect.name


def upsert(dialect: str, model: type[Base]) -> Any:
    """Return the database's own `insert` into `model`'s table, which knows of conflicts."""
    table = table_of(model)
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def table_of(model: type[Base]) -> Table:
    """Return the table of `model`: statements on it leave out what only objects need."""
    return cast("Table", model.__table__)


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
    # Cached statements would skip the authorizer.
    args = {"cached_statements": 0} if full.startswith("sqlite") else {}
    engine = create_engine(full, connect_args=args)
    guard(engine, Base.metadata.tables, busy_timeout_ms=10_000)
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

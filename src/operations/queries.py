"""Statements about the database itself."""

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from src.database import sync_engine


def revision_of(url: str) -> str | None:
    """Return the schema revision of the database at `url`; None when it is empty."""
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    # Not by an inspector: it reads the catalogue, which the guard keeps from nobody's sessions.
    is_there = (
        "select to_regclass('alembic_version') is not null"
        if connection.dialect.name == "postgresql"
        else "select count(*) from sqlite_master where name = 'alembic_version'"
    )
    if not connection.execute(text(is_there)).scalar():
        return None
    found = connection.execute(text("select version_num from alembic_version")).scalar()
    return str(found) if found is not None else None


def key_check_of(url: str) -> str | None:
    """Return the text that a start sealed into the database at `url`, if there is one."""
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            found = connection.execute(text("select key_check from installation")).scalar()
            return str(found) if found is not None else None
    finally:
        engine.dispose()


def role_of(url: str) -> tuple[str, bool, bool]:
    """Return the role that `url` connects as, and whether it is superuser or bypasses policies."""
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            row = connection.execute(
                text(
                    "select rolname, rolsuper, rolbypassrls from pg_roles"
                    " where rolname = current_user"
                )
            ).one()
            return str(row[0]), bool(row[1]), bool(row[2])
    finally:
        engine.dispose()


_PLACES = 20_261_125  # any number; it keeps these locks apart from those of others


class Place:
    """One of a number of places, held by a connection to PostgreSQL of its own."""

    def __init__(self, engine: AsyncEngine, *, places: int) -> None:
        """Take none yet of the `places` there are in the engine's database."""
        self._engine = engine
        self._places = places
        self._connection: AsyncConnection | None = None

    async def take(self) -> bool:
        """Hold a place; true when it is held, already or now, false when all are taken.

        Raises whatever the driver does when the database is not there.
        """
        if self._connection is not None:
            try:
                await self._connection.execute(text("select 1"))
            except Exception:
                await self.leave()
                raise
            return True
        connection = await self._engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for number in range(self._places):
                statement = text("select pg_try_advisory_lock(:places, :number)")
                if await connection.scalar(statement, {"places": _PLACES, "number": number}):
                    self._connection = connection
                    return True
        finally:
            if self._connection is None:
                await connection.close()
        return False

    async def leave(self) -> None:
        """Give the place up, by ending the connection that holds it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

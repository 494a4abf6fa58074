"""Statements about the database itself."""

from sqlalchemy import text
from sqlalchemy.engine import Connection

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

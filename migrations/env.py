"""Runs migrations on a synchronous engine, so that it works inside a running event loop too.

The address is the `url` attribute handed in by `src.migrate`, or the owner's
address of the settings. On SQLite each migration is one transaction begun by
us (the driver would leave half a table behind); on PostgreSQL one process
migrates at a time and gives up quickly when a table is in use.
"""

import sqlalchemy as sa
from alembic import context

import src.cost_tracking.models
import src.history.models
import src.spotify.models
import src.users.models  # noqa: F401 - every table must be known
from src.config import Settings
from src.database import Base, sync_address

LOCK = 7_262_473_918
"""Advisory lock number of Playhead's migrations; any constant will do."""


def _include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave the job queue's own schema alone."""
    return not (kind == "schema" and name == "jobs")


def _configure(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=_include_name,
        compare_type=True,
    )


def _begin_by_hand(engine: sa.Engine) -> None:
    """Take transactions away from SQLite's driver, which commits before each DDL statement."""

    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: object, _record: object) -> None:
        dbapi.isolation_level = None  # type: ignore[attr-defined]

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def run() -> None:
    """Upgrade or downgrade over one connection."""
    settings = Settings()
    owner = settings.database_owner_url
    url = context.config.attributes.get("url") or (
        owner.get_secret_value() if owner else settings.effective_database_url
    )
    engine = sa.create_engine(sync_address(url))
    if engine.dialect.name == "sqlite":
        _begin_by_hand(engine)
    try:
        with engine.connect() as connection:
            _configure(connection)
            with context.begin_transaction():
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.text("set local lock_timeout = '2s'"))
                    connection.execute(sa.text(f"select pg_advisory_xact_lock({LOCK})"))
                context.run_migrations()
    finally:
        engine.dispose()


run()

"""Migrations: up, down, and no drift from the models, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text

from src.database import sync_address
from src.errors import SettingsRefused
from src.operations import migrations
from tests.databases import PostgresServer

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[str]:
    """An empty database, owned by the role that migrates."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_roles")
    name = f"empty_{worker_id}"
    server.create_database(name)
    yield server.url(name, role="playhead_owner")
    server.drop_database(name)


def tables(url: str) -> list[str]:
    """Return the names of the tables at `url`."""
    engine = create_engine(sync_address(url))
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_upgrading_makes_what_the_models_say_and_downgrading_undoes_it(empty_url: str) -> None:
    """Up leaves no difference to the models, again is harmless, down leaves nothing."""
    migrations.upgrade(empty_url)
    migrations.upgrade(empty_url)
    config = migrations._config(empty_url)
    command.check(config)
    command.downgrade(config, "base")

    assert ["alembic_version"] == tables(empty_url)


def test_shows_of_earlier_versions_are_found_in_any_case(empty_url: str) -> None:
    """What was stored before the folded text came is given one."""
    command.upgrade(migrations._config(empty_url), "0004")
    engine = create_engine(sync_address(empty_url))
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into show (id, name, publisher, description, languages, explicit,"
                " list_order, misses, fetched_at) values"
                " ('a', 'Über Große', 'Ωmega', '', '', false, 'unknown', 0, '2026-11-01'),"
                " ('b', 'Plain', null, '', '', false, 'unknown', 0, '2026-11-01')"
            )
        )
    migrations.upgrade(empty_url)
    with engine.connect() as connection:
        found = connection.execute(text("select folded from show order by id")).scalars().all()
    engine.dispose()

    assert ["über grosse\nωmega", "plain\n"] == found


def test_a_database_of_another_revision_is_refused_with_the_cure(tmp_path: Path) -> None:
    """An unmigrated database names the command that mends it."""
    with pytest.raises(SettingsRefused, match="playhead migrate"):
        migrations.demand_current(f"sqlite:///{tmp_path / 'empty.db'}")


def test_a_migrated_database_is_accepted(sqlite_template: Path) -> None:
    """The newest revision is what the program asks for."""
    migrations.demand_current(f"sqlite:///{sqlite_template}")


@pytest.mark.server
def test_a_superuser_is_refused_as_runtime_role(postgres_roles: PostgresServer) -> None:
    """Row-level security would not bind it, so the service does not start with it."""
    with pytest.raises(SettingsRefused, match="playhead_runtime"):
        migrations.demand_least_privilege(postgres_roles.url("postgres"))

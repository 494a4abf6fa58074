"""The product's own fixtures: a migrated database on either engine, and a runtime on it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from src.config import Settings
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.utils.entropy import SeededEntropy
from tests.databases import PostgresServer
from tests.reused_database import ReusedDatabase
from tests.utils.stepped_clock import SteppedClock

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Addresses of one empty, migrated database; on SQLite all are the same."""

    runtime: str
    scheduler: str
    owner: str

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of one process."""
        return self.runtime.startswith("sqlite")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file migrated once a session; tests copy its bytes."""
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_roles: PostgresServer, worker_id: str) -> str:
    """Name of a PostgreSQL database migrated once a session; tests copy its files."""
    name = f"template_{worker_id}"
    postgres_roles.drop_database(name)
    postgres_roles.create_database(name)
    upgrade(postgres_roles.url(name, role="playhead_owner"))
    return name


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> DatabaseUrls:
    """A migrated SQLite file of the test's own."""
    path = tmp_path / "playhead.db"
    shutil.copyfile(sqlite_template, path)
    url = f"sqlite:///{path}"
    return DatabaseUrls(runtime=url, scheduler=url, owner=url)


@pytest.fixture(scope="session")
def reused_database(
    postgres_roles: PostgresServer, postgres_template: str, worker_id: str
) -> Iterator[ReusedDatabase]:
    """The PostgreSQL database of this test process; `renew` it before each use."""
    reused = ReusedDatabase(postgres_roles, f"test_{worker_id}", postgres_template)
    yield reused
    reused.drop()


@pytest.fixture
def postgres_database(
    postgres_roles: PostgresServer, reused_database: ReusedDatabase
) -> DatabaseUrls:
    """A migrated PostgreSQL database as good as new, reached by the least-privilege roles."""
    name = reused_database.renew()
    return DatabaseUrls(
        runtime=postgres_roles.url(name, role="playhead_runtime"),
        scheduler=postgres_roles.url(name, role="playhead_scheduler"),
        owner=postgres_roles.url(name, role="playhead_owner"),
    )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def database_urls(request: pytest.FixtureRequest) -> DatabaseUrls:
    """A migrated database; the test runs once on each engine."""
    urls: DatabaseUrls = request.getfixturevalue(f"{request.param}_database")
    return urls


@pytest.fixture
def clock() -> SteppedClock:
    """A clock that stands at noon UTC of 1 November 2026 until it is stepped."""
    return SteppedClock(START, patience_s=0.05)


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    """Settings of one process on the test's database, untouched by any file or environment."""
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=database_urls.runtime,
        database_scheduler_url=database_urls.scheduler,
        encryption_keys=SecretStr(f"1:{Fernet.generate_key().decode()}"),
    )


@pytest.fixture
async def runtime(
    settings: Settings, clock: SteppedClock, fault_seed: int
) -> AsyncIterator[Runtime]:
    """A runtime on the test's database, the stepped clock and seeded randomness."""
    opened = Runtime.open(settings, clock=clock, entropy=SeededEntropy(fault_seed))
    yield opened
    await opened.close()

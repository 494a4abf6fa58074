"""A simulated Spotify, and a second Playhead that is empty."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from src.config import Settings
from src.runtime import Runtime
from src.utils.entropy import SeededEntropy
from tests.databases import PostgresServer
from tests.fixtures import DatabaseUrls
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """The product and a simulated Spotify, on one clock."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=4, listeners=1))
    yield opened
    await opened.spotify.close()


def _made(
    request: pytest.FixtureRequest, folder: Path, *, is_sqlite: bool
) -> Iterator[DatabaseUrls]:
    """Make another empty, migrated database."""
    if is_sqlite:
        template: Path = request.getfixturevalue("sqlite_template")
        path = folder / "elsewhere.db"
        shutil.copyfile(template, path)
        url = f"sqlite:///{path}"
        yield DatabaseUrls(runtime=url, scheduler=url, owner=url)
        return
    server: PostgresServer = request.getfixturevalue("postgres_roles")
    name = f"elsewhere_{request.getfixturevalue('worker_id')}"
    server.drop_database(name)
    server.create_database(name, request.getfixturevalue("postgres_template"))
    yield DatabaseUrls(
        runtime=server.url(name, role="playhead_runtime"),
        scheduler=server.url(name, role="playhead_scheduler"),
        owner=server.url(name, role="playhead_owner"),
    )
    server.drop_database(name)


def _runtime(urls: DatabaseUrls, settings: Settings, clock: SteppedClock, folder: Path) -> Runtime:
    changes = {
        "data_dir": folder / "elsewhere",
        "database_url": urls.runtime,
        "database_scheduler_url": urls.scheduler,
    }
    own = Settings(_env_file=None, **(settings.model_dump() | changes))
    return Runtime.open(own, clock=clock, entropy=SeededEntropy("elsewhere"))


@pytest.fixture
def other_urls(
    request: pytest.FixtureRequest, database_urls: DatabaseUrls, tmp_path: Path
) -> Iterator[DatabaseUrls]:
    """Another empty, migrated database of the same kind as the test's own."""
    yield from _made(request, tmp_path, is_sqlite=database_urls.is_sqlite)


@pytest.fixture
async def elsewhere(
    other_urls: DatabaseUrls, settings: Settings, clock: SteppedClock, tmp_path: Path
) -> AsyncIterator[Runtime]:
    """A runtime on another database, with a data folder of its own."""
    opened = _runtime(other_urls, settings, clock, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def urls_of_the_other_engine(
    request: pytest.FixtureRequest, database_urls: DatabaseUrls, tmp_path: Path
) -> Iterator[DatabaseUrls]:
    """An empty, migrated database of the other kind."""
    yield from _made(request, tmp_path, is_sqlite=not database_urls.is_sqlite)


@pytest.fixture
async def elsewhere_on_the_other_engine(
    urls_of_the_other_engine: DatabaseUrls, settings: Settings, clock: SteppedClock, tmp_path: Path
) -> AsyncIterator[Runtime]:
    """A runtime on a database of the other kind."""
    opened = _runtime(urls_of_the_other_engine, settings, clock, tmp_path)
    yield opened
    await opened.close()

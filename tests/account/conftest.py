"""A second Playhead, empty, on the same engine as the first."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from src.config import Settings
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.utils.entropy import SeededEntropy
from tests.databases import PostgresServer
from tests.fixtures import DatabaseUrls
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
def other_urls(
    request: pytest.FixtureRequest, database_urls: DatabaseUrls, tmp_path: Path, worker_id: str
) -> Iterator[DatabaseUrls]:
    """Another empty, migrated database of the same kind as the test's own."""
    if database_urls.is_sqlite:
        url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        upgrade(url)
        yield DatabaseUrls(runtime=url, scheduler=url, owner=url)
        return
    server: PostgresServer = request.getfixturevalue("postgres_roles")
    template: str = request.getfixturevalue("postgres_template")
    name = f"elsewhere_{worker_id}"
    server.drop_database(name)
    server.create_database(name, template)
    yield DatabaseUrls(
        runtime=server.url(name, role="playhead_runtime"),
        scheduler=server.url(name, role="playhead_scheduler"),
        owner=server.url(name, role="playhead_owner"),
    )
    server.drop_database(name)


@pytest.fixture
async def elsewhere(
    other_urls: DatabaseUrls, settings: Settings, clock: SteppedClock, tmp_path: Path
) -> AsyncIterator[Runtime]:
    """A runtime on another database, with a data folder of its own."""
    changes = {
        "data_dir": tmp_path / "elsewhere",
        "database_url": other_urls.runtime,
        "database_scheduler_url": other_urls.scheduler,
    }
    own = Settings(_env_file=None, **(settings.model_dump() | changes))
    opened = Runtime.open(own, clock=clock, entropy=SeededEntropy("elsewhere"))
    yield opened
    await opened.close()

"""A run whose transaction the database gives up for another's sake goes on; PostgreSQL only."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from src.cost_tracking.models import CostEntry
from src.database import Session
from src.runtime import Runtime
from src.spotify.models import Outcome
from src.spotify.outcomes import GOT_THROUGH
from src.spotify.storing import Points
from tests.fixtures import DatabaseUrls
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock

pytestmark = pytest.mark.server


@pytest.fixture
def database_urls(postgres_database: DatabaseUrls) -> DatabaseUrls:
    """SQLite has one writer at a time, so that nothing clashes there."""
    return postgres_database


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A small world."""
    opened = Stage.open(runtime, clock, small_world(clock, shows_per_listener=4))
    yield opened
    await opened.spotify.close()


class Clashes:
    """Told of each page of a run; the database gives up the transactions of the pages numbered."""

    def __init__(self, pages: set[int], *, code: str) -> None:
        self._pages = pages
        self._sql = f"do $$ begin raise exception 'given up' using errcode = '{code}'; end $$"
        self.told = 0

    async def __call__(self, session: Session, before: Points, after: Points) -> None:
        """Let PostgreSQL say what it says at a deadlock."""
        del before, after
        self.told += 1
        if self.told in self._pages:
            await session.execute(text(self._sql))


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_a_clash_costs_one_page_read_again(stage: Stage, code: str) -> None:
    """The same run stores everything, and counts every call and nothing twice."""
    user_id = await stage.connect()

    report = await stage.sync(user_id, Clashes({3}, code=code))

    assert report.outcome in GOT_THROUGH
    for show_id, show in stage.true_shows(user_id).items():
        newest = set(stage.true_list(show)[:50])
        assert newest <= (await stage.episodes(user_id, show_id)).keys()
    stored = [await stage.episodes(user_id, show_id) for show_id in stage.true_shows(user_id)]
    assert report.episodes_new == sum(len(found) for found in stored)
    ledger = await select_rows(stage.runtime, CostEntry, user_id=user_id)
    assert len(ledger) == report.calls == stage.simulator.requests.count("api")


async def test_a_second_clash_ends_the_run(stage: Stage) -> None:
    """Two in one run are no coincidence: it ends, is said to have failed, and comes back soon."""
    user_id = await stage.connect()

    report = await stage.sync(user_id, Clashes({3, 5}, code="40P01"))

    assert Outcome.FAILED == report.outcome
    assert (await stage.sync(user_id)).outcome in GOT_THROUGH


async def test_another_failure_of_the_database_is_not_tried_again(stage: Stage) -> None:
    """A value out of range would be so again."""
    user_id = await stage.connect()
    clashes = Clashes({3}, code="22003")

    report = await stage.sync(user_id, clashes)

    assert (Outcome.FAILED, 3) == (report.outcome, clashes.told)

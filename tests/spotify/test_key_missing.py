"""Under the wrong key file nothing is parked: the right one makes everything go on."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from cryptography.fernet import Fernet

from src.crypto import Key, Vault
from src.runtime import Runtime
from src.spotify.models import SpotifyConnection
from src.spotify.service import Spotify
from src.utils.types import UserId
from tests.spotify.rows import select_rows
from tests.spotify.sync_parts import Stage, small_world
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
async def stage(runtime: Runtime, clock: SteppedClock) -> AsyncIterator[Stage]:
    """The product against a small world."""
    opened = Stage.open(runtime, clock, small_world(clock))
    yield opened
    await opened.spotify.close()


def under_another_key(stage: Stage) -> Stage:
    """The same users and database, opened with a key file that is not theirs."""
    runtime = replace(stage.runtime, vault=Vault([Key(1, Fernet.generate_key())]))
    wrong: Stage = replace(stage, runtime=runtime)
    wrong.spotify = Spotify.open(
        runtime, stage.spotify.settings, transport=httpx2.ASGITransport(stage.simulator.service)
    )
    return wrong


async def stored(stage: Stage, user_id: UserId) -> dict[str, object]:
    """Every column of the user's connection but the count of refreshes begun."""
    [row] = await select_rows(stage.runtime, SpotifyConnection, user_id=user_id)
    return {name: getattr(row, name) for name in row.__table__.c.keys() if name != "fence"}  # noqa: SIM118


@pytest.mark.parametrize("hours", [0, 2], ids=["token in force", "token to be renewed"])
async def test_a_run_under_the_wrong_key_names_it_and_leaves_the_connection(
    stage: Stage, hours: int
) -> None:
    """It makes no call and takes nothing away; a later one under the right key completes."""
    user_id = await stage.connect()
    await stage.clock.step(hours * 3600)
    wrong = under_another_key(stage)
    before = await stored(stage, user_id)

    refused = await wrong.sync(user_id)
    after = await stored(stage, user_id)
    mended = await stage.later_sync(user_id, hours=1)

    assert ("key_missing", 0) == (refused.outcome, refused.calls)
    assert "restores the key file" in (refused.message or "")
    assert before == after
    assert mended.outcome in {"complete", "more_to_do"}
    await wrong.spotify.close()

"""A refresh has one holder: it may die, be overtaken, or be called off."""

import asyncio
from datetime import timedelta

import pytest

from src.runtime import Runtime
from src.spotify.errors import SpotifyBusy
from src.spotify.grants import REFRESH_PURPOSE
from src.spotify.queries.connection import FREE
from src.utils.types import UserId
from tests.spotify.token_parts import change, expire, row_of
from tests.spotify.token_server import TokenServer, pause
from tests.utils.stepped_clock import SteppedClock


async def test_a_dead_refresh_is_taken_over_when_its_lease_lapses(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """Callers wait 10 s for another process, then say so; after 15 s they do it themselves."""
    await expire(runtime, listener)
    await change(runtime, listener, lease_until=clock.now() + timedelta(seconds=15))
    tokens = accounts.oauth(runtime).tokens
    with pytest.raises(SpotifyBusy):
        await clock.run(tokens.access_token(listener))
    waited_s = clock.monotonic()

    token = await clock.run(tokens.access_token(listener))

    assert 9.5 < waited_s <= 10
    assert "access-new-1" == token.value.get_secret_value()
    assert 15 <= clock.monotonic() < 15.3


async def test_a_grant_that_comes_after_the_lease_changes_nothing(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """A process that was frozen past its lease does not overwrite what another stored."""
    await expire(runtime, listener)
    tokens = accounts.oauth(runtime).tokens

    async def overtake() -> None:
        accounts.during = None
        await change(runtime, listener, lease_until=FREE)
        await tokens.access_token(listener)

    accounts.during = overtake

    token = await clock.run(tokens.access_token(listener))

    assert 2 == len(accounts.forms)
    assert "access-new-2" == token.value.get_secret_value()


class Door:
    """Holds a request at the server until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def pass_through(self) -> None:
        """Say that a request is here, and wait."""
        self.reached.set()
        await self.opened.wait()


async def test_a_cancelled_refresh_keeps_what_spotify_gave(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """The old refresh token may be void by now, so the new one is stored before the task ends."""
    await expire(runtime, listener)
    accounts.rotates, door = True, Door()
    accounts.during = door.pass_through
    tokens = accounts.oauth(runtime).tokens
    task = asyncio.ensure_future(tokens.access_token(listener))
    await door.reached.wait()
    task.cancel()
    await pause()
    door.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await row_of(runtime, listener)
    kept = runtime.vault.open(row.refresh_sealed, user_id=listener, purpose=REFRESH_PURPOSE)

    assert "refresh-new-1" == kept
    assert FREE == row.lease_until
    assert "access-new-1" == (await tokens.access_token(listener)).value.get_secret_value()


async def test_a_refresh_that_ends_with_its_process_gives_its_lease_back(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """Whoever comes next need not wait for the lease of a process that was stopped."""
    await expire(runtime, listener)
    door = Door()
    accounts.during = door.pass_through
    others = asyncio.all_tasks()
    task = asyncio.ensure_future(accounts.oauth(runtime).tokens.access_token(listener))
    await door.reached.wait()
    for each in asyncio.all_tasks() - others:
        each.cancel()  # as `asyncio.run` does at its end
    with pytest.raises(asyncio.CancelledError):
        await task

    assert FREE == (await row_of(runtime, listener)).lease_until

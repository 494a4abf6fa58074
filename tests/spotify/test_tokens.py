"""Access tokens: fresh, sealed, refreshed once; parked only when Spotify took the grant back."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import structlog
from sqlalchemy import select, update
from starlette.responses import JSONResponse, Response

from src.cost_tracking.models import CostEntry
from src.crypto import SealBroken
from src.errors import PlayheadError
from src.runtime import Runtime
from src.spotify.config import CONSENT_LIFETIME
from src.spotify.errors import (
    BadGateway,
    Garbled,
    GrantRefused,
    NotConnected,
    ReconnectNeeded,
    Slowed,
    SpotifyBusy,
    Unreachable,
)
from src.spotify.models import SavedShow, SpotifyConnection, SyncSchedule
from src.spotify.queries.connection import FREE
from src.users.models import AuditEvent
from src.utils.types import UserId
from tests.factories import add_connection, add_saved_show, add_user
from tests.spotify.token_server import TokenServer, page, refusal
from tests.utils.stepped_clock import SteppedClock


@pytest.fixture
def server() -> TokenServer:
    """An accounts service that refreshes whatever it is given."""
    return TokenServer()


@pytest.fixture
async def listener(runtime: Runtime) -> UserId:
    """A connected user with one saved show; the token is good for an hour."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    await add_saved_show(runtime, user_id, "show")
    return user_id


async def row_of(runtime: Runtime, user_id: UserId) -> SpotifyConnection:
    """Return the stored connection."""
    async with runtime.database.transaction(user_id, write=False) as session:
        found: SpotifyConnection = await session.get_one(SpotifyConnection, user_id)
        return found


async def change(runtime: Runtime, user_id: UserId, **values: Any) -> None:
    """Overwrite columns of the stored connection."""
    async with runtime.database.transaction(user_id) as session:
        await session.execute(
            update(SpotifyConnection).where(SpotifyConnection.user_id == user_id).values(values)
        )


async def expire(runtime: Runtime, user_id: UserId, *, in_s: float = 0.0) -> None:
    """Let the stored access token end in `in_s` seconds."""
    await change(runtime, user_id, expires_at=runtime.clock.now() + timedelta(seconds=in_s))


async def test_a_fresh_token_is_returned_without_a_call(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """A token good for more than 60 s is opened and handed out."""
    await expire(runtime, listener, in_s=61)

    token = await server.oauth(runtime).tokens.access_token(listener)

    assert f"access-{listener}" == token.value.get_secret_value()
    assert [] == server.forms


async def test_a_token_is_refreshed_a_minute_before_it_ends(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """The refresh sends the stored refresh token and no secret; the new token is kept sealed."""
    await expire(runtime, listener, in_s=60)

    token = await server.oauth(runtime).tokens.access_token(listener)

    row = await row_of(runtime, listener)
    assert "access-new-1" == token.value.get_secret_value()
    assert [
        {
            "grant_type": "refresh_token",
            "refresh_token": f"refresh-{listener}",
            "client_id": "0123456789abcdef0123456789abcdef",
        }
    ] == server.forms
    assert "access-new-1" == runtime.vault.open(
        row.access_sealed, user_id=listener, purpose="spotify_access"
    )
    assert runtime.clock.now() + timedelta(hours=1) == row.expires_at
    assert FREE == row.lease_until
    assert row.fence == token.fence


async def test_twenty_callers_make_one_refresh(
    runtime: Runtime, server: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """Whoever comes second waits for the first, and all get the same token."""
    await expire(runtime, listener)
    server.during = lambda: clock.sleep(0.3)
    tokens = server.oauth(runtime).tokens

    found = await clock.run(asyncio.gather(*(tokens.access_token(listener) for _ in range(20))))

    assert 1 == len(server.forms)
    assert {"access-new-1"} == {token.value.get_secret_value() for token in found}


async def test_a_refused_token_is_refreshed_once_for_all_who_hold_it(
    runtime: Runtime, server: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """After a 401, whoever still names the old fence gets what the first one fetched."""
    tokens = server.oauth(runtime).tokens
    stale = await tokens.access_token(listener)

    found = await clock.run(
        asyncio.gather(*(tokens.access_token(listener, stale_fence=stale.fence) for _ in range(5)))
    )
    later = await tokens.access_token(listener, stale_fence=stale.fence)

    assert 1 == len(server.forms)
    assert {"access-new-1"} == {token.value.get_secret_value() for token in [*found, later]}
    assert stale.fence < later.fence


async def test_a_refused_token_counts_as_expired_when_its_refresh_failed(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """Nobody is handed a token that Spotify has refused, whoever failed to replace it."""
    tokens = server.oauth(runtime).tokens
    stale = await tokens.access_token(listener)
    server.answers.append(refusal("server_error", 503))
    with pytest.raises(BadGateway):
        await tokens.access_token(listener, stale_fence=stale.fence)

    token = await tokens.access_token(listener)

    assert "access-new-2" == token.value.get_secret_value()


async def test_a_rotated_refresh_token_replaces_the_old_one(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """If Spotify sends a new refresh token, the next refresh uses it."""
    server.rotates = True
    tokens = server.oauth(runtime).tokens
    for _ in range(2):
        await expire(runtime, listener)
        await tokens.access_token(listener)

    assert [f"refresh-{listener}", "refresh-new-1"] == [
        form["refresh_token"] for form in server.forms
    ]


async def test_the_refresh_token_is_kept_when_none_comes(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """Spotify no longer rotates: a reply without a refresh token leaves the stored one alone."""
    before = (await row_of(runtime, listener)).refresh_sealed
    await expire(runtime, listener)

    await server.oauth(runtime).tokens.access_token(listener)

    assert before == (await row_of(runtime, listener)).refresh_sealed


async def test_a_revoked_grant_parks_the_connection_and_keeps_all_data(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """After invalid_grant nothing is retried, the schedule stops, and nothing is deleted."""
    await expire(runtime, listener)
    server.answers.append(refusal("invalid_grant"))
    tokens = server.oauth(runtime).tokens

    for _ in range(2):
        with pytest.raises(ReconnectNeeded, match="removed on its side"):
            await tokens.access_token(listener)

    row = await row_of(runtime, listener)
    async with runtime.database.transaction(listener, write=False) as session:
        audited = (await session.execute(select(AuditEvent.action, AuditEvent.detail))).all()
        schedule = await session.get_one(SyncSchedule, listener)
        shows = (await session.scalars(select(SavedShow.show_id))).all()
    assert 1 == len(server.forms)
    assert ("reconnect_needed", "revoked") == (row.state, row.reason)
    assert runtime.clock.now() == row.lapsed_at
    assert [("spotify_parked", "revoked")] == [tuple(line) for line in audited]
    assert not schedule.active
    assert ["show"] == shows


async def test_a_refused_grant_six_months_old_has_simply_ended(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """The user is told that consent ran out, which is the last of its notices."""
    await expire(runtime, listener)
    await change(runtime, listener, consented_at=runtime.clock.now() - CONSENT_LIFETIME)
    server.answers.append(refusal("invalid_grant"))

    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(ReconnectNeeded, match="consent has ended"),
    ):
        await server.oauth(runtime).tokens.access_token(listener)

    assert [0] == [line["days"] for line in lines if line["event"] == "consent_notice"]
    assert "consent_expired" == (await row_of(runtime, listener)).reason


async def test_a_grant_renewed_meanwhile_is_used_instead_of_parked(
    runtime: Runtime, server: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """invalid_grant speaks of the token that was sent, which may be the stored one no more."""
    await expire(runtime, listener)
    server.answers.append(refusal("invalid_grant"))
    fresh = runtime.vault.seal("refresh-2", user_id=listener, purpose="spotify_refresh")

    async def renew() -> None:
        server.during = None
        await change(runtime, listener, refresh_sealed=fresh.ciphertext)

    server.during = renew

    token = await clock.run(server.oauth(runtime).tokens.access_token(listener))

    assert "access-new-2" == token.value.get_secret_value()
    assert [f"refresh-{listener}", "refresh-2"] == [form["refresh_token"] for form in server.forms]
    assert "active" == (await row_of(runtime, listener)).state


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal("invalid_grant", 500), BadGateway),
        (refusal("server_error", 503), BadGateway),
        (refusal("invalid_grant", 429), Slowed),
        (refusal("invalid_grant", 401), GrantRefused),
        (refusal("invalid_grant", 403), GrantRefused),
        (refusal("invalid_client"), GrantRefused),
        (refusal("invalid_request"), GrantRefused),
        (page(), Garbled),
        (JSONResponse({"token_type": "Bearer"}), Garbled),
        (httpx2.ConnectError("no route"), Unreachable),
        (httpx2.ReadTimeout("slow"), PlayheadError),
    ],
    ids=lambda value: getattr(value, "status_code", None) or type(value).__name__,
)
async def test_only_invalid_grant_parks(
    runtime: Runtime,
    server: TokenServer,
    listener: UserId,
    answer: Response | Exception,
    expected: type[PlayheadError],
) -> None:
    """Outages, limits and errors of our own leave the connection as it was, free for the next."""
    await expire(runtime, listener)
    server.answers.append(answer)

    with pytest.raises(expected):
        await server.oauth(runtime).tokens.access_token(listener)

    row = await row_of(runtime, listener)
    assert ("active", FREE) == (row.state, row.lease_until)
    assert (
        "access-new-2"
        == (await server.oauth(runtime).tokens.access_token(listener)).value.get_secret_value()
    )


@pytest.mark.parametrize("column", ["access_sealed", "refresh_sealed"])
async def test_a_sealed_token_of_another_user_parks_the_connection(
    runtime: Runtime, server: TokenServer, listener: UserId, column: str
) -> None:
    """A token moved between rows opens for nobody; the user is asked to sign in again."""
    other = await add_user(runtime, "eve")
    await add_connection(runtime, other)
    await change(runtime, listener, **{column: getattr(await row_of(runtime, other), column)})
    if column == "refresh_sealed":
        await expire(runtime, listener)

    with pytest.raises(ReconnectNeeded) as refused:
        await server.oauth(runtime).tokens.access_token(listener)

    async with runtime.database.transaction(listener, write=False) as session:
        audited = (await session.scalars(select(AuditEvent.detail))).all()
    assert isinstance(refused.value.__cause__, SealBroken)
    assert (409, "reconnect_needed") == (refused.value.status, refused.value.code)
    assert "reconnect_needed" == (await row_of(runtime, listener)).state
    assert ["tokens_unreadable"] == audited
    assert [] == server.forms
    assert "active" == (await row_of(runtime, other)).state


async def test_a_dead_refresh_is_taken_over_when_its_lease_lapses(
    runtime: Runtime, server: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """Callers wait 10 s for another process, then say so; after 15 s they do it themselves."""
    await expire(runtime, listener)
    await change(runtime, listener, lease_until=clock.now() + timedelta(seconds=15))
    tokens = server.oauth(runtime).tokens
    with pytest.raises(SpotifyBusy):
        await clock.run(tokens.access_token(listener))
    waited_s = clock.monotonic()

    token = await clock.run(tokens.access_token(listener))

    assert 9.5 < waited_s <= 10
    assert "access-new-1" == token.value.get_secret_value()
    assert 15 <= clock.monotonic() < 15.3


async def test_a_grant_that_comes_after_the_lease_changes_nothing(
    runtime: Runtime, server: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """A process that was frozen past its lease does not overwrite what another stored."""
    await expire(runtime, listener)
    tokens = server.oauth(runtime).tokens

    async def overtake() -> None:
        server.during = None
        await change(runtime, listener, lease_until=FREE)
        await tokens.access_token(listener)

    server.during = overtake

    token = await clock.run(tokens.access_token(listener))

    assert 2 == len(server.forms)
    assert "access-new-2" == token.value.get_secret_value()


async def test_a_cancelled_refresh_gives_its_lease_back(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """Whoever comes next need not wait for the lease of a request that was called off."""
    await expire(runtime, listener)
    arrived, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        arrived.set()
        await never.wait()

    server.during = hang
    task = asyncio.ensure_future(server.oauth(runtime).tokens.access_token(listener))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert FREE == (await row_of(runtime, listener)).lease_until


async def test_without_a_connection_there_is_no_token(
    runtime: Runtime, server: TokenServer
) -> None:
    """A user who never connected is told to."""
    with pytest.raises(NotConnected):
        await server.oauth(runtime).tokens.access_token(await add_user(runtime, "ada"))


async def test_refreshes_are_on_record_and_cost_nothing(
    runtime: Runtime, server: TokenServer, listener: UserId
) -> None:
    """Every request to the accounts service leaves one entry at a price of zero."""
    await expire(runtime, listener)
    server.answers.append(refusal("server_error", 503))
    tokens = server.oauth(runtime).tokens
    with pytest.raises(BadGateway):
        await tokens.access_token(listener)
    await tokens.access_token(listener)

    async with runtime.database.transaction(listener, write=False) as session:
        entries = await session.execute(
            select(CostEntry.service, CostEntry.operation, CostEntry.amount_micro)
        )
    assert [("spotify_accounts", "token_refresh", 0)] * 2 == [tuple(row) for row in entries]

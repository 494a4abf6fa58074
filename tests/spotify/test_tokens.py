"""Access tokens: fresh, sealed, refreshed once; parked only when Spotify took the grant back."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
import structlog
from sqlalchemy import select
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
    Unreachable,
)
from src.spotify.models import SavedShow, SyncSchedule
from src.spotify.queries.connection import FREE
from src.users.models import AuditEvent
from src.utils.types import UserId
from tests.factories import add_connection, add_user
from tests.spotify.token_parts import change, expire, row_of
from tests.spotify.token_server import TokenServer, page, refusal
from tests.utils.stepped_clock import SteppedClock


async def test_a_fresh_token_is_returned_without_a_call(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """A token good for more than 60 s is opened and handed out."""
    await expire(runtime, listener, in_s=61)

    token = await accounts.oauth(runtime).tokens.access_token(listener)

    assert f"access-{listener}" == token.value.get_secret_value()
    assert [] == accounts.forms


async def test_a_token_is_refreshed_a_minute_before_it_ends(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """The refresh sends the stored refresh token and no secret; the new token is kept sealed."""
    await expire(runtime, listener, in_s=60)

    token = await accounts.oauth(runtime).tokens.access_token(listener)

    row = await row_of(runtime, listener)
    assert "access-new-1" == token.value.get_secret_value()
    assert [
        {
            "grant_type": "refresh_token",
            "refresh_token": f"refresh-{listener}",
            "client_id": "0123456789abcdef0123456789abcdef",
        }
    ] == accounts.forms
    assert "access-new-1" == runtime.vault.open(
        row.access_sealed, user_id=listener, purpose="spotify_access"
    )
    assert runtime.clock.now() + timedelta(hours=1) == row.expires_at
    assert FREE == row.lease_until
    assert row.fence == token.fence


async def test_twenty_callers_make_one_refresh(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """Whoever comes second waits for the first, and all get the same token."""
    await expire(runtime, listener)
    accounts.during = lambda: clock.sleep(0.3)
    tokens = accounts.oauth(runtime).tokens

    found = await clock.run(asyncio.gather(*(tokens.access_token(listener) for _ in range(20))))

    assert 1 == len(accounts.forms)
    assert {"access-new-1"} == {token.value.get_secret_value() for token in found}


async def test_a_refused_token_is_refreshed_once_for_all_who_hold_it(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """After a 401, whoever still names the old fence gets what the first one fetched."""
    tokens = accounts.oauth(runtime).tokens
    stale = await tokens.access_token(listener)

    found = await clock.run(
        asyncio.gather(*(tokens.access_token(listener, stale_fence=stale.fence) for _ in range(5)))
    )
    later = await tokens.access_token(listener, stale_fence=stale.fence)

    assert 1 == len(accounts.forms)
    assert {"access-new-1"} == {token.value.get_secret_value() for token in [*found, later]}
    assert stale.fence < later.fence


async def test_a_refused_token_counts_as_expired_when_its_refresh_failed(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """Nobody is handed a token that Spotify has refused, whoever failed to replace it."""
    tokens = accounts.oauth(runtime).tokens
    stale = await tokens.access_token(listener)
    accounts.answers.append(refusal("server_error", 503))
    with pytest.raises(BadGateway):
        await tokens.access_token(listener, stale_fence=stale.fence)

    token = await tokens.access_token(listener)

    assert "access-new-2" == token.value.get_secret_value()


async def test_a_rotated_refresh_token_replaces_the_old_one(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """If Spotify sends a new refresh token, the next refresh uses it."""
    accounts.rotates = True
    tokens = accounts.oauth(runtime).tokens
    for _ in range(2):
        await expire(runtime, listener)
        await tokens.access_token(listener)

    assert [f"refresh-{listener}", "refresh-new-1"] == [
        form["refresh_token"] for form in accounts.forms
    ]


async def test_a_rotated_refresh_token_survives_a_lease_that_lapsed_meanwhile(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """Whoever took the lease over would else go on with a token that is void."""
    accounts.rotates = True
    await expire(runtime, listener)

    async def take_over() -> None:
        accounts.during = None
        fence = (await row_of(runtime, listener)).fence
        await change(runtime, listener, fence=fence + 1, lease_until=runtime.clock.now())

    accounts.during = take_over

    token = await clock.run(accounts.oauth(runtime).tokens.access_token(listener))

    assert "access-new-2" == token.value.get_secret_value()
    assert [f"refresh-{listener}", "refresh-new-1"] == [
        form["refresh_token"] for form in accounts.forms
    ]


async def test_the_refresh_token_is_kept_when_none_comes(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """Spotify no longer rotates: a reply without a refresh token leaves the stored one alone."""
    before = (await row_of(runtime, listener)).refresh_sealed
    await expire(runtime, listener)

    await accounts.oauth(runtime).tokens.access_token(listener)

    assert before == (await row_of(runtime, listener)).refresh_sealed


async def test_a_revoked_grant_parks_the_connection_and_keeps_all_data(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """After invalid_grant nothing is retried, the schedule stops, and nothing is deleted."""
    await expire(runtime, listener)
    accounts.answers.append(refusal("invalid_grant"))
    tokens = accounts.oauth(runtime).tokens

    for _ in range(2):
        with pytest.raises(ReconnectNeeded, match="removed on its side"):
            await tokens.access_token(listener)

    row = await row_of(runtime, listener)
    async with runtime.database.transaction(listener, write=False) as session:
        audited = (await session.execute(select(AuditEvent.action, AuditEvent.detail))).all()
        schedule = await session.get_one(SyncSchedule, listener)
        shows = (await session.scalars(select(SavedShow.show_id))).all()
    assert 1 == len(accounts.forms)
    assert ("reconnect_needed", "revoked") == (row.state, row.reason)
    assert runtime.clock.now() == row.lapsed_at
    assert [("spotify_parked", "revoked")] == [tuple(line) for line in audited]
    assert not schedule.active
    assert ["show"] == shows


async def test_a_refused_grant_six_months_old_has_simply_ended(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """The user is told that consent ran out, which is the last of its notices."""
    await expire(runtime, listener)
    await change(runtime, listener, consented_at=runtime.clock.now() - CONSENT_LIFETIME)
    accounts.answers.append(refusal("invalid_grant"))

    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(ReconnectNeeded, match="consent has ended"),
    ):
        await accounts.oauth(runtime).tokens.access_token(listener)

    assert [0] == [line["days"] for line in lines if line["event"] == "consent_notice"]
    assert "consent_expired" == (await row_of(runtime, listener)).reason


async def test_a_grant_renewed_meanwhile_is_used_instead_of_parked(
    runtime: Runtime, accounts: TokenServer, listener: UserId, clock: SteppedClock
) -> None:
    """invalid_grant speaks of the token that was sent, which may be the stored one no more."""
    await expire(runtime, listener)
    accounts.answers.append(refusal("invalid_grant"))
    fresh = runtime.vault.seal("refresh-2", user_id=listener, purpose="spotify_refresh")

    async def renew() -> None:
        accounts.during = None
        await change(runtime, listener, refresh_sealed=fresh.ciphertext)

    accounts.during = renew

    token = await clock.run(accounts.oauth(runtime).tokens.access_token(listener))

    assert "access-new-2" == token.value.get_secret_value()
    assert [f"refresh-{listener}", "refresh-2"] == [
        form["refresh_token"] for form in accounts.forms
    ]
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
        (page(404), BadGateway),
        (page(), Garbled),
        (JSONResponse({"token_type": "Bearer"}), Garbled),
        (httpx2.ConnectError("no route"), Unreachable),
        (httpx2.ReadTimeout("slow"), PlayheadError),
    ],
    ids=lambda value: getattr(value, "status_code", None) or type(value).__name__,
)
async def test_only_invalid_grant_parks(
    runtime: Runtime,
    accounts: TokenServer,
    listener: UserId,
    answer: Response | Exception,
    expected: type[PlayheadError],
) -> None:
    """Outages, limits and errors of our own leave the connection as it was, free for the next."""
    await expire(runtime, listener)
    accounts.answers.append(answer)

    with pytest.raises(expected):
        await accounts.oauth(runtime).tokens.access_token(listener)

    row = await row_of(runtime, listener)
    assert ("active", FREE) == (row.state, row.lease_until)
    assert (
        "access-new-2"
        == (await accounts.oauth(runtime).tokens.access_token(listener)).value.get_secret_value()
    )


@pytest.mark.parametrize("column", ["access_sealed", "refresh_sealed"])
async def test_a_sealed_token_of_another_user_parks_the_connection(
    runtime: Runtime, accounts: TokenServer, listener: UserId, column: str
) -> None:
    """A token moved between rows opens for nobody; the user is asked to sign in again."""
    other = await add_user(runtime, "eve")
    await add_connection(runtime, other)
    await change(runtime, listener, **{column: getattr(await row_of(runtime, other), column)})
    if column == "refresh_sealed":
        await expire(runtime, listener)

    with pytest.raises(ReconnectNeeded) as refused:
        await accounts.oauth(runtime).tokens.access_token(listener)

    async with runtime.database.transaction(listener, write=False) as session:
        audited = (await session.scalars(select(AuditEvent.detail))).all()
    assert isinstance(refused.value.__cause__, SealBroken)
    assert (409, "reconnect_needed") == (refused.value.status, refused.value.code)
    assert "reconnect_needed" == (await row_of(runtime, listener)).state
    assert ["tokens_unreadable"] == audited
    assert [] == accounts.forms
    assert "active" == (await row_of(runtime, other)).state


async def test_without_a_connection_there_is_no_token(
    runtime: Runtime, accounts: TokenServer
) -> None:
    """A user who never connected is told to."""
    with pytest.raises(NotConnected):
        await accounts.oauth(runtime).tokens.access_token(await add_user(runtime, "ada"))


async def test_refreshes_are_on_record_and_cost_nothing(
    runtime: Runtime, accounts: TokenServer, listener: UserId
) -> None:
    """Every request to the accounts service leaves one entry at a price of zero."""
    await expire(runtime, listener)
    accounts.answers.append(refusal("server_error", 503))
    tokens = accounts.oauth(runtime).tokens
    with pytest.raises(BadGateway):
        await tokens.access_token(listener)
    await tokens.access_token(listener)

    async with runtime.database.transaction(listener, write=False) as session:
        entries = await session.execute(
            select(CostEntry.service, CostEntry.operation, CostEntry.amount_micro)
        )
    assert [("spotify_accounts", "token_refresh", 0)] * 2 == [tuple(row) for row in entries]

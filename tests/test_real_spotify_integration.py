"""The product against a Spotify over real HTTP: calls, token refresh, isolation and costs.

By default a simulated Spotify answers, on a port of this machine. The same tests run against the
real service (marker `live`) when the environment holds

    SPOTIFY_LIVE_CLIENT_ID        client id of your app at developer.spotify.com
    SPOTIFY_LIVE_REFRESH_TOKEN    refresh token of a user of that app who consented to
                                  user-library-read, user-read-playback-position and
                                  user-read-currently-playing

and are skipped without them: `pytest tests/test_real_spotify_integration.py -v -rs` says so. They
only read, and make about 25 calls. Where Spotify answers a refresh with a new refresh token, the
tests go on with that one, and the one in the environment is spent: sign in again for another run.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from simulator.app import Simulator, build
from simulator.clock import SimClock
from simulator.serving import serving
from simulator.settings import DEFAULT_CLIENT_ID
from simulator.settings import Settings as World
from src.config import Settings
from src.main import create_app
from src.runtime import Runtime
from src.spotify.calls import CallBudget
from src.spotify.config import SCOPES, SpotifySettings
from src.spotify.grants import REFRESH_PURPOSE, Grant, sealed_columns
from src.spotify.models import SpotifyConnection, SyncRun
from src.spotify.outcomes import GOT_THROUGH
from src.spotify.queries.connection import FREE, start_schedule
from src.spotify.queries.sync import claim_due_all_users
from src.spotify.scheduling import begin_run
from src.spotify.service import Spotify
from src.spotify.sync import run_sync
from src.utils.types import UserId

CLIENT_ID = "SPOTIFY_LIVE_CLIENT_ID"
REFRESH_TOKEN = "SPOTIFY_LIVE_REFRESH_TOKEN"
MOST_CALLS = 6
PRICE_MICRO = 100
PASSWORD = "a long enough password"
OK, NOT_FOUND = httpx2.codes.OK, httpx2.codes.NOT_FOUND


@dataclass(frozen=True)
class Account:
    """A Spotify, an app and a user of it.

    Attributes:
        settings: How the product reaches it.
        refresh_token: The user's grant.
        arrived: Counts the Web API requests that arrived; None where nobody can tell.
    """

    settings: SpotifySettings
    refresh_token: SecretStr
    arrived: Callable[[], int] | None


@dataclass(frozen=True)
class Stage:
    """The application with two users, the first of whom is connected."""

    account: Account
    runtime: Runtime
    spotify: Spotify
    connected: UserId
    browsers: tuple[httpx2.AsyncClient, httpx2.AsyncClient]

    async def sync(self) -> SyncRun:
        """Run the connected user's first sync, or the next one."""
        now = self.runtime.clock.now()
        async with self.runtime.database.scheduling() as session:
            [claim] = await claim_due_all_users(
                session, now=now, lease_until=now + timedelta(seconds=60), limit=1
            )
        run_id = await begin_run(self.spotify, user_id=claim.user_id, fence=claim.fence)
        return await run_sync(self.spotify, user_id=claim.user_id, fence=claim.fence, run_id=run_id)

    async def get(self, path: str, *, as_other: bool = False) -> httpx2.Response:
        """Ask the application as the connected user, or as the other one."""
        return await self.browsers[as_other].get(path)


@pytest.fixture(scope="session")
def live_tokens() -> list[SecretStr]:
    """Refresh tokens of the real account in the order in which they came; the last one works."""
    return [SecretStr(given)] if (given := os.environ.get(REFRESH_TOKEN)) else []


@pytest.fixture(params=["simulated", pytest.param("live", marks=pytest.mark.live)])
async def account(
    request: pytest.FixtureRequest, live_tokens: list[SecretStr]
) -> AsyncIterator[Account]:
    """A simulated account on a port of this machine, then the real one."""
    if request.param == "live":
        yield _live_account(live_tokens)
        return
    simulator = build(World(epoch=datetime.now(UTC)), SimClock(start=datetime.now(UTC)))
    async with serving(simulator, control_port=None, truth_port=None) as urls:
        yield Account(
            settings=SpotifySettings(
                _env_file=None,
                spotify_client_id=DEFAULT_CLIENT_ID,
                spotify_api_url=urls.web_api,
                spotify_accounts_url=urls.service,
                first_sync_max_calls=MOST_CALLS,
            ),
            refresh_token=_consent(simulator),
            arrived=lambda: simulator.requests.count("api"),
        )


def _live_account(tokens: list[SecretStr]) -> Account:
    client_id = os.environ.get(CLIENT_ID)
    if not client_id or not tokens:
        pytest.skip(f"the real Spotify needs {CLIENT_ID} and {REFRESH_TOKEN} in the environment")
    settings = SpotifySettings(
        _env_file=None, spotify_client_id=client_id, first_sync_max_calls=MOST_CALLS
    )
    return Account(settings, tokens[-1], arrived=None)


def _consent(simulator: Simulator) -> SecretStr:
    """Let a listener consent; return the refresh token of the grant."""
    now = simulator.clock.now()
    code = simulator.grants.consent(
        client_id=DEFAULT_CLIENT_ID,
        listener=0,
        scopes=frozenset(SCOPES),
        redirect_uri="",
        challenge="",
        at=now,
    )
    simulator.grants.redeem(code, at=now)
    return SecretStr(simulator.grants.all[-1].refresh_token)


@pytest.fixture(params=["sqlite"])
def database_urls(request: pytest.FixtureRequest) -> object:
    """What is tested here is Spotify's side: one database will do."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
async def stage(
    account: Account, settings: Settings, live_tokens: list[SecretStr]
) -> AsyncIterator[Stage]:
    """The application on real time and real connections, with two users signed in."""
    runtime = Runtime.open(settings)
    spotify = Spotify.open(runtime, account.settings)
    app = create_app(runtime, spotify=spotify, background=False)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runtime.close)
        stack.push_async_callback(spotify.close)
        browsers = []
        user_ids = []
        for name in ("connected", "other"):
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url=settings.public_url
            )
            browsers.append(await stack.enter_async_context(client))
            user_ids.append(await _register(client, name))
        connected = UserId(user_ids[0])
        await _connect(runtime, spotify, connected, account.refresh_token)
        yield Stage(account, runtime, spotify, connected, (browsers[0], browsers[1]))
        if account.arrived is None:
            live_tokens.append(await _stored_token(runtime, connected))


async def _register(client: httpx2.AsyncClient, name: str) -> int:
    """Register somebody and give the client their bearer token; return their id."""
    form: dict[str, Any] = {"username": name, "password": PASSWORD}
    registered = await client.post("/api/auth/register", json=form)
    signed_in = await client.post("/api/auth/login", json={**form, "token": True})
    client.headers["authorization"] = f"Bearer {signed_in.json()['token']}"
    return int(registered.json()["id"])


async def _connect(
    runtime: Runtime, spotify: Spotify, user_id: UserId, refresh_token: SecretStr
) -> None:
    """Store a connection whose access token has ended, so that the first call refreshes it."""
    now = runtime.clock.now()
    grant = Grant(
        access_token=SecretStr("ended"),
        refresh_token=refresh_token,
        expires_at=now,
        scope=" ".join(SCOPES),
    )
    row = SpotifyConnection(
        user_id=user_id,
        spotify_id="account",
        account_key="account",
        lease_until=FREE,
        connected_at=now,
        consented_at=now,
        **{"scope": " ".join(SCOPES), **sealed_columns(runtime, user_id=user_id, grant=grant)},
    )
    async with runtime.database.transaction(user_id) as session:
        session.add(row)
        await start_schedule(session, user_id=user_id, account=spotify.account, now=now)


async def _stored_token(runtime: Runtime, user_id: UserId) -> SecretStr:
    async with runtime.database.transaction(user_id, write=False) as session:
        row = await session.get_one(SpotifyConnection, user_id)
    opened = runtime.vault.open(row.refresh_sealed, user_id=user_id, purpose=REFRESH_PURPOSE)
    return SecretStr(opened)


async def test_web_api_answers_what_the_product_asks(stage: Stage) -> None:
    """Profile, library, a show and the player are read and understood."""
    budget = CallBudget(None, 10)
    client = stage.spotify.client.for_user(stage.connected, budget)

    profile = await client.profile()
    shows = await client.saved_shows()
    await client.saved_episodes()
    await client.player()

    assert profile.account_key
    assert 0 == shows.quarantined
    assert shows.items, "the account has saved no show to read"
    show = await client.show(shows.items[0].show.id)
    assert shows.items[0].show.id == show.id
    assert show.episodes is not None
    assert show.episodes.items
    assert 5 <= budget.calls


async def test_token_is_refreshed_and_works(stage: Stage) -> None:
    """An ended access token is renewed, stored sealed, and used by the calls that follow."""
    renewed = await stage.spotify.oauth.refresh_access_token(
        stage.account.refresh_token.get_secret_value(), stage.connected
    )
    profile = await stage.spotify.client.for_user(stage.connected, CallBudget(None, 2)).profile()

    assert "ended" != renewed["access_token"]
    assert renewed["expires_at"] > stage.runtime.clock.now() + timedelta(minutes=30)
    assert profile.account_key
    async with stage.runtime.database.transaction(stage.connected, write=False) as session:
        row = await session.get_one(SpotifyConnection, stage.connected)
    assert renewed["access_token"] not in row.access_sealed
    assert renewed["expires_at"] == row.expires_at


async def test_library_of_one_user_is_hidden_from_another(stage: Stage) -> None:
    """What was synced is listed to its owner; to anybody else it does not exist."""
    run = await stage.sync()
    mine = (await stage.get("/api/spotify/podcasts?limit=200")).json()["items"]

    theirs = (await stage.get("/api/spotify/podcasts?limit=200", as_other=True)).json()["items"]

    assert run.outcome in GOT_THROUGH
    assert run.shows_total == len(mine)
    assert [] == theirs
    for path in (f"/api/spotify/podcasts/{mine[0]['id']}", _episodes_of(mine)):
        assert OK == (await stage.get(path)).status_code
        assert NOT_FOUND == (await stage.get(path, as_other=True)).status_code
    costs = (await stage.get("/api/costs/summary", as_other=True)).json()
    assert 0 == costs["total"]["calls"]


def _episodes_of(shows: list[dict[str, Any]]) -> str:
    return f"/api/spotify/podcasts/{shows[0]['id']}/episodes"


async def test_costs_are_those_of_the_calls_made(stage: Stage) -> None:
    """Report, ledger and, where it can be asked, the other side agree on every call."""
    run = await stage.sync()
    costs = (await stage.get("/api/costs/summary")).json()

    assert 0 < run.calls <= MOST_CALLS
    assert run.calls * PRICE_MICRO == run.cost_micro
    assert run.cost_micro == costs["total"]["amount_micro"]
    api = [one for one in costs["by_operation"] if one["service"] == "spotify_api"]
    assert run.calls == sum(one["calls"] for one in api)
    if stage.account.arrived is not None:
        assert run.calls == stage.account.arrived()

"""The product and a simulated Spotify in one process, on one stepped clock."""

import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr

from simulator.app import Simulator, build
from simulator.clock import SimClock
from simulator.service.state import AutoConsent
from simulator.settings import DEFAULT_CLIENT_ID
from simulator.settings import Settings as World
from src.runtime import Runtime
from src.spotify import connecting
from src.spotify.config import SpotifySettings
from src.spotify.models import SyncRun
from src.spotify.queries.sync import claim_due_all_users
from src.spotify.run_state import LEASE_S
from src.spotify.scheduling import begin_run, request_run
from src.spotify.service import Spotify
from src.spotify.sync import run_sync
from src.utils.types import UserId
from tests.factories import add_user
from tests.simulator.contract import Contract, ContractBroken, load_contract
from tests.utils.stepped_clock import SteppedClock

SERVICE = "http://127.0.0.1:8801"
_NO_BROWSER = 0


class Checked(httpx2.AsyncBaseTransport):
    """Reaches the simulator in process and holds what it answers to the published description.

    Attributes:
        complaints: What was not as described; a test expects none.
        refuses: Set it, and no connection can be made.
    """

    def __init__(self, simulator: Simulator, contract: Contract | None) -> None:
        """Check nothing when there is no `contract`."""
        self._inner = httpx2.ASGITransport(simulator.service)
        self._contract = contract
        self.complaints: list[str] = []
        self.refuses = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand one request on, and look at its answer."""
        if self.refuses:
            raise httpx2.ConnectError("connection refused", request=request)
        response = await self._inner.handle_async_request(request)
        path = request.url.path
        if self._contract is None or not path.startswith("/v1/"):
            return response
        body = await response.aread()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        try:
            told = json.loads(body) if is_json else None
            self._contract.check(request.method, path, response.status_code, told)
        except ContractBroken as broken:
            self.complaints.append(str(broken))
        return response


def contract_at_hand() -> Contract | None:
    """Return the published description, or None where it is absent and need not be there."""
    try:
        return load_contract()
    except pytest.skip.Exception:
        return None


@dataclass(frozen=True)
class InProcess:
    """Both sides, which listener each user is, and the claims that wait for their sync.

    `restarted` stands for a product process that died and came back.
    """

    runtime: Runtime
    clock: SteppedClock
    simulator: Simulator
    transport: Checked
    spotify: Spotify
    listeners: dict[UserId, int] = field(default_factory=dict)
    claimed: dict[UserId, int] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        runtime: Runtime,
        clock: SteppedClock,
        world: World | None = None,
        *,
        contract: Contract | None = None,
        **settings: Any,
    ) -> "InProcess":
        """Build both; `settings` are those of the product's Spotify room."""
        wire = SimClock(base=clock.monotonic, start=clock.now())
        simulator = build(world or World(epoch=clock.now()), wire, sleep=clock.sleep)
        transport = Checked(simulator, contract)
        given = SpotifySettings(
            _env_file=None,
            spotify_client_id=DEFAULT_CLIENT_ID,
            spotify_api_url=f"{SERVICE}/v1",
            spotify_accounts_url=SERVICE,
            **settings,
        )
        spotify = Spotify.open(runtime, given, transport=transport)
        return cls(runtime, clock, simulator, transport, spotify)

    def restarted(self) -> "InProcess":
        """Return the same with a product that remembers nothing but its database."""
        spotify = Spotify.open(self.runtime, self.spotify.settings, transport=self.transport)
        return replace(self, spotify=spotify, claimed={})

    async def connect(self, listener: int = 0) -> UserId:
        """Register somebody and take them through the consent page; they are due then."""
        user_id = await add_user(self.runtime, f"listener-{listener}")
        begun = await connecting.begin(self.spotify, user_id=user_id, session_id=None)
        self.simulator.state.auto_consent = AutoConsent(listener=listener, allow=True)
        async with httpx2.AsyncClient(transport=self.transport) as client:
            answer = await client.get(begun.url)
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        await self.clock.run(
            connecting.finish(
                self.spotify,
                code=SecretStr(back["code"][0]),
                state=back["state"][0],
                user_id=user_id,
                session_id=_NO_BROWSER,
                confirmed=True,
            )
        )
        self.listeners[user_id] = listener
        return user_id

    async def ask(self, user_id: UserId) -> None:
        """Ask for a sync now."""
        async with self.runtime.database.transaction(user_id) as session:
            await request_run(self.runtime, session, user_id=user_id)

    async def claims(self) -> dict[UserId, int]:
        """Claim everybody who is due; return their fences."""
        now = self.runtime.clock.now()
        async with self.runtime.database.scheduling() as session:
            until = now.fromtimestamp(now.timestamp() + LEASE_S, tz=now.tzinfo)
            found = await claim_due_all_users(session, now=now, lease_until=until, limit=100)
        return {claim.user_id: claim.fence for claim in found}

    async def sync(self, user_id: UserId) -> SyncRun:
        """Claim a user who is due, run their sync to its end and return the report."""
        if user_id not in self.claimed:
            self.claimed.update(await self.claims())
        fence = self.claimed.pop(user_id)
        return await self.clock.run(self.run(user_id, fence))

    async def run(self, user_id: UserId, fence: int) -> SyncRun:
        """Run the sync that a claim gives the right to; the clock is the caller's to drive."""
        run_id = await begin_run(self.spotify, user_id=user_id, fence=fence)
        return await run_sync(self.spotify, user_id=user_id, fence=fence, run_id=run_id)

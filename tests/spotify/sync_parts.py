"""A user of the simulator and their syncs, in one process and on one stepped clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from pydantic import SecretStr

from simulator.app import Simulator, build
from simulator.clock import SimClock
from simulator.settings import DEFAULT_CLIENT_ID, Quirks
from simulator.settings import Settings as World
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.grants import Grant, sealed_columns
from src.spotify.models import Episode, Play, SavedEpisode, SavedShow, SpotifyConnection, SyncRun
from src.spotify.queries import connection, store
from src.spotify.queries.sync import Claim, claim_due_all_users, set_schedule
from src.spotify.scheduling import begin_run
from src.spotify.service import Spotify
from src.spotify.storing import OnPage
from src.spotify.sync import run_sync
from src.utils.types import UserId
from tests.factories import add_user
from tests.spotify.rows import select_rows
from tests.utils.stepped_clock import SteppedClock

SIMULATOR_URL = "http://127.0.0.1:8801"
LEASE = timedelta(seconds=60)
_VERIFIER = "a-verifier-of-enough-characters.0123456789~abc"
_CHALLENGE = "Ue8VcyoyazvO8GtZ0aWAspHd9kfB-wSor8HvnnWC1s8"  # of the verifier
_REDIRECT = "http://127.0.0.1:8000/api/spotify/auth/callback"


def spotify_settings(**changed: Any) -> SpotifySettings:
    """Return settings that lead to the simulator, and to no file or environment."""
    return SpotifySettings(
        _env_file=None,
        spotify_client_id=DEFAULT_CLIENT_ID,
        spotify_api_url=f"{SIMULATOR_URL}/v1",
        spotify_accounts_url=SIMULATOR_URL,
        **changed,
    )


def small_world(clock: SteppedClock, **changed: Any) -> World:
    """Return a world of ten shows a listener, at the clock's instant, without quirks."""
    plain = Quirks(tombstones=False, missing_resume_points=False)
    settings: dict[str, Any] = {
        "epoch": clock.now(),
        "shows": 60,
        "shows_per_listener": 10,
        "quirks": plain,
    }
    return World(**(settings | changed))


@dataclass
class Stage:
    """A simulator, the product's Spotify against it, and the clock both live by."""

    runtime: Runtime
    clock: SteppedClock
    simulator: Simulator
    spotify: Spotify
    users: dict[UserId, int] = field(default_factory=dict)

    @classmethod
    def open(cls, runtime: Runtime, clock: SteppedClock, world: World, **settings: Any) -> "Stage":
        """Build both sides; the world's reference instant is the clock's."""
        base = SimClock(base=clock.monotonic, start=clock.now())
        simulator = build(world, base, sleep=clock.sleep)
        spotify = Spotify.open(
            runtime,
            spotify_settings(**settings),
            transport=httpx2.ASGITransport(simulator.service),
        )
        return cls(runtime, clock, simulator, spotify)

    async def connect(self, listener: int = 0, *, user_id: UserId | None = None) -> UserId:
        """Connect a user, by default a new one, to a listener; due now."""
        user_id = user_id or await add_user(self.runtime, f"user-{listener}")
        grant = await self._grant(listener)
        now = self.clock.now()
        sealed = sealed_columns(self.runtime, user_id=user_id, grant=grant)
        async with self.runtime.database.transaction(user_id) as session:
            row = SpotifyConnection(
                user_id=user_id,
                spotify_id=f"listener-{listener}",
                account_key=f"key-{listener}",
                lease_until=connection.FREE,
                connected_at=now,
                consented_at=now,
                **sealed,
            )
            session.add(row)
            await connection.start_schedule(
                session, user_id=user_id, account=self.spotify.account, now=now
            )
        self.users[user_id] = listener
        return user_id

    async def _grant(self, listener: int) -> Grant:
        transport = httpx2.ASGITransport(self.simulator.service)
        async with httpx2.AsyncClient(transport=transport, base_url=SIMULATOR_URL) as http:
            asked = {
                "client_id": DEFAULT_CLIENT_ID,
                "response_type": "code",
                "redirect_uri": _REDIRECT,
                "scope": "user-library-read user-read-playback-position",
                "code_challenge_method": "S256",
                "code_challenge": _CHALLENGE,
                "listener": str(listener),
                "decision": "allow",
                "state": "any",
            }
            consent = await http.post("/authorize", data=asked)
            code = dict(parse_qsl(urlsplit(consent.headers["location"]).query))["code"]
            form = {
                "grant_type": "authorization_code",
                "redirect_uri": _REDIRECT,
                "client_id": DEFAULT_CLIENT_ID,
                "code_verifier": _VERIFIER,
                "code": code,
            }
            told = (await http.post("/api/token", data=form)).json()
        return Grant(
            access_token=SecretStr(told["access_token"]),
            refresh_token=SecretStr(told["refresh_token"]),
            expires_at=self.clock.now() + timedelta(seconds=told["expires_in"]),
            scope=told["scope"],
        )

    async def claim(self, *, limit: int = 10) -> list[Claim]:
        """Claim whoever is due."""
        now = self.clock.now()
        async with self.runtime.database.scheduling() as session:
            return await claim_due_all_users(session, now=now, lease_until=now + LEASE, limit=limit)

    async def work(self, claim: Claim, on_page: OnPage | None = None) -> SyncRun:
        """Run what a claim is for, without moving the clock."""
        run_id = await begin_run(self.spotify, user_id=claim.user_id, fence=claim.fence)
        return await run_sync(
            self.spotify, user_id=claim.user_id, fence=claim.fence, run_id=run_id, on_page=on_page
        )

    async def sync(self, user_id: UserId, on_page: OnPage | None = None) -> SyncRun:
        """Make the user due, claim and run, moving the clock as far as the run waits."""
        await self.reschedule(user_id, next_sync_at=self.clock.now())
        claim = next(one for one in await self.claim() if one.user_id == user_id)
        return await self.clock.run(self.work(claim, on_page))

    async def later_sync(self, user_id: UserId, hours: float = 4) -> SyncRun:
        """Let hours pass, then sync."""
        await self.clock.step(hours * 3600)
        return await self.sync(user_id)

    async def reschedule(self, user_id: UserId, **values: Any) -> None:
        """Write the user's schedule."""
        async with self.runtime.database.transaction(user_id) as session:
            await set_schedule(session, user_id=user_id, values=values)

    async def shows(self, user_id: UserId) -> Mapping[str, SavedShow]:
        """Return the user's shows by id, removed ones too."""
        rows = await select_rows(self.runtime, SavedShow, user_id=user_id)
        return {row.show_id: row for row in rows}

    async def saved_episodes(self, user_id: UserId) -> Mapping[str, SavedEpisode]:
        """Return the user's saved episodes by id, removed ones too."""
        rows = await select_rows(self.runtime, SavedEpisode, user_id=user_id)
        return {row.episode_id: row for row in rows}

    async def plays(self, user_id: UserId) -> Mapping[str, Play]:
        """Return the user's resume points by episode."""
        rows = await select_rows(self.runtime, Play, user_id=user_id)
        return {row.episode_id: row for row in rows}

    async def episodes(self, user_id: UserId, show_id: str) -> Mapping[str, Episode]:
        """Return a show's stored episodes by id."""
        rows = await select_rows(self.runtime, Episode, user_id=user_id)
        return {row.id: row for row in rows if row.show_id == show_id}

    async def library_size(self, user_id: UserId) -> int:
        """Return how many shows are stored as saved."""
        async with self.runtime.database.transaction(user_id, write=False) as session:
            return len(await store.saved_show_ids(session, user_id=user_id))

    def true_shows(self, user_id: UserId, at: datetime | None = None) -> dict[str, int]:
        """Return the listener's saved shows by the world: id to index."""
        world, listener = self.simulator.world, self.users[user_id]
        saved = world.saved_shows(listener, at or self.simulator.clock.now())
        return {world.show(one.show).id: one.show for one in saved}

    def true_list(self, show: int) -> list[str]:
        """Return the ids of a show's episodes in the order the service lists them."""
        world, at = self.simulator.world, self.simulator.clock.now()
        count = world.episode_count(show, at)
        numbers = world.episode_numbers(show, at, offset=0, limit=count)
        return [world.episode(show, number).id for number in numbers]

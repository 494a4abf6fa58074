"""People who sign in at the simulator, as browsers do."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
from pydantic import SecretStr

from simulator.app import Simulator
from src.runtime import Runtime
from src.spotify.connecting import begin, finish
from src.spotify.models import SpotifyConnection, SyncSchedule
from src.spotify.service import Spotify
from src.users.models import UserSession
from src.utils.types import UserId

_numbers = itertools.count()


@dataclass(frozen=True)
class CameBack:
    """What Spotify's redirect brought back."""

    code: SecretStr
    state: str


async def add_browser(runtime: Runtime, user_id: UserId) -> int:
    """Store a browser session of a user and return its id."""
    now = runtime.clock.now()
    async with runtime.database.transaction(user_id) as session:
        row = UserSession(
            user_id=user_id,
            token_hash=f"hash-{next(_numbers)}",
            created_at=now,
            last_seen_at=now,
            proved_at=now,
            expires_at=now + timedelta(days=90),
        )
        session.add(row)
        await session.flush()
        return row.id


async def redirected(simulator: Simulator, url: str, *, listener: int = 0) -> dict[str, str]:
    """Consent at `url` as `listener`, and return the parameters of the redirect back."""
    asked = {**dict(parse_qsl(urlsplit(url).query)), "listener": str(listener)}
    transport = httpx2.ASGITransport(simulator.service)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8801") as http:
        answer = await http.post("/authorize", data={**asked, "decision": "allow"})
    assert 302 == answer.status_code, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def came_back(
    spotify: Spotify,
    simulator: Simulator,
    *,
    user_id: UserId,
    session_id: int | None,
    listener: int = 0,
) -> CameBack:
    """Begin a sign-in and consent as `listener`."""
    begun = await begin(spotify, user_id=user_id, session_id=session_id)
    back = await redirected(simulator, begun.url, listener=listener)
    return CameBack(code=SecretStr(back["code"]), state=back["state"])


async def connect(
    spotify: Spotify, simulator: Simulator, *, user_id: UserId, listener: int = 0
) -> SpotifyConnection:
    """Connect a user to `listener`'s account, the whole way."""
    browser = await add_browser(spotify.runtime, user_id)
    back = await came_back(
        spotify, simulator, user_id=user_id, session_id=browser, listener=listener
    )
    return await finish(
        spotify, code=back.code, state=back.state, user_id=user_id, session_id=browser
    )


async def schedule_of(runtime: Runtime, user_id: UserId) -> SyncSchedule:
    """Return the stored schedule."""
    async with runtime.database.transaction(user_id, write=False) as session:
        found: SyncSchedule = await session.get_one(SyncSchedule, user_id)
        return found

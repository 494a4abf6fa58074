"""Where the Spotify room is put together: one `Spotify` per process."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from src.cost_tracking.prices import Service
from src.errors import SettingsRefused
from src.queue import Bell
from src.runtime import Runtime
from src.spotify.client import SpotifyClient, accounts, either, web_api
from src.spotify.config import SpotifySettings
from src.spotify.oauth import SpotifyOAuth
from src.spotify.pace import Pace
from src.spotify.quota import Quota
from src.spotify.wire import Transport, Wire
from src.utils.circuit_breaker import BreakerRegistry, use_registry


def account_of(client_id: str | None) -> str:
    """Return the key of the developer account: 16 hexadecimal digits made of its client id."""
    return sha256((client_id or "").encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Spotify:
    """Everything of this room that has a state, handed to whoever works with Spotify.

    Attributes:
        runtime: What the process shares.
        settings: How Spotify is reached and how much is asked of it.
        client: Calls to the Web API.
        oauth: Signing in and refreshing.
        quota: The daily allowance of the developer account.
        bell: Rings when a schedule was changed.
        wire: The pool of connections.
    """

    runtime: Runtime
    settings: SpotifySettings
    client: SpotifyClient
    oauth: SpotifyOAuth
    quota: Quota
    bell: Bell
    wire: Wire

    @classmethod
    def open(
        cls,
        runtime: Runtime,
        settings: SpotifySettings | None = None,
        *,
        transport: Transport | None = None,
    ) -> Self:
        """Put the room together; nothing is connected or read yet.

        Its breakers become those that `get_circuit_breaker` shows.

        Args:
            runtime: What the process shares.
            settings: By default those of the environment.
            transport: What carries requests; by default real connections.

        Raises:
            SettingsRefused: Long periods are shrunk, but Spotify is the real one.
        """
        settings = settings or SpotifySettings()
        if runtime.settings.long_period_divisor != 1 and not settings.is_simulated:
            raise SettingsRefused(
                "LONG_PERIOD_DIVISOR is for tests with a simulated Spotify: remove it, or the "
                "real one would be asked far too often."
            )
        wire = Wire(runtime, transport=transport)
        quota = Quota(
            runtime,
            account=account_of(settings.spotify_client_id),
            show_pages_per_day=settings.spotify_show_pages_per_day,
        )
        pace = Pace(runtime, quota=quota, calls_per_minute=settings.calls_per_minute_here)
        breakers = BreakerRegistry(runtime.clock, runtime.entropy)
        use_registry(breakers)
        api = web_api(
            wire.send,
            runtime=runtime,
            breaker=breakers.get(Service.SPOTIFY_API),
            quota=quota,
            pace=pace,
        )
        signing_in = accounts(
            wire.send, runtime=runtime, breaker=breakers.get(Service.SPOTIFY_ACCOUNTS)
        )
        both = either(api=api, accounts=signing_in)
        oauth = SpotifyOAuth(runtime, settings=settings, send=both)
        client = SpotifyClient(runtime=runtime, settings=settings, send=api, tokens=oauth.tokens)
        return cls(
            runtime=runtime,
            settings=settings,
            client=client,
            oauth=oauth,
            quota=quota,
            bell=Bell(runtime.clock),
            wire=wire,
        )

    @property
    def account(self) -> str:
        """Key of the developer account that all users share."""
        return account_of(self.settings.spotify_client_id)

    async def close(self) -> None:
        """Close every connection to Spotify; the runtime stays open."""
        await self.wire.close()

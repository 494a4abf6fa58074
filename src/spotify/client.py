"""Typed calls to Spotify's Web API for one user at a time.

`web_api` and `accounts` show what surrounds every attempt, outermost last.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import Call, CallBudget, Reply, Send, Tokens
from src.spotify.config import SpotifySettings
from src.spotify.errors import Garbled, SpotifyNotFound
from src.spotify.pace import Pace
from src.spotify.payloads import (
    PAGE,
    EpisodePayload,
    Listing,
    PlayerPayload,
    ProfilePayload,
    SavedEpisodePayload,
    SavedShowPayload,
    ShowPayload,
    is_id,
    read_listing,
)
from src.spotify.quota import OTHER, SHOW_PAGES, Quota
from src.spotify.senders import (
    budgeted,
    guarded,
    paced,
    parking,
    pooled,
    reauthorised,
    resting,
    retried,
    still_wanted,
)
from src.utils.circuit_breaker import CircuitBreaker
from src.utils.retry import RetryBudget
from src.utils.types import UserId

T = TypeVar("T")

SEARCH_PAGE = 10
INTERACTIVE_DEADLINE_S = 20.0
BACKGROUND_DEADLINE_S = 90.0
"""Longer than a full window of the limiter, so that many first syncs at once get their turn."""


def web_api(
    wire: Send, *, runtime: Runtime, breaker: CircuitBreaker, quota: Quota, pace: Pace
) -> Send:
    """Surround the wire with everything a call to the Web API needs but its token."""
    send = parking(wire, quota=quota)
    send = resting(send, pace=pace)
    send = still_wanted(send, breaker=breaker, quota=quota)
    send = pooled(send, quota=quota, pace=pace, clock=runtime.clock)
    send = paced(send, pace=pace)
    send = budgeted(send)
    send = guarded(send, breaker=breaker)
    return retried(send, clock=runtime.clock, entropy=runtime.entropy, budget=RetryBudget())


def accounts(wire: Send, *, runtime: Runtime, breaker: CircuitBreaker) -> Send:
    """Surround the wire with what a call to the accounts service needs: it counts in no quota."""
    send = guarded(wire, breaker=breaker)
    return retried(send, clock=runtime.clock, entropy=runtime.entropy, budget=RetryBudget())


def either(*, api: Send, accounts: Send) -> Send:
    """Return one way for calls to both services."""

    async def send(call: Call) -> Reply:
        return await (api if call.service is Service.SPOTIFY_API else accounts)(call)

    return send


@dataclass(frozen=True, kw_only=True)
class SpotifyClient:
    """Makes clients for single users; one per process.

    Args:
        runtime: Clock for deadlines.
        settings: Address of the Web API.
        send: What `web_api` made; the token is put in here.
        tokens: Where access tokens come from.
    """

    runtime: Runtime
    settings: SpotifySettings
    send: Send
    tokens: Tokens

    def for_user(
        self, user_id: UserId, budget: CallBudget, *, interactive: bool = False
    ) -> "UserClient":
        """Return a client that acts for `user_id` with the stored tokens.

        Args:
            user_id: Whose library, and who pays.
            budget: How many attempts may be made; counts them.
            interactive: Whether a person waits: shorter waits, and first at the limiter.
        """
        send = reauthorised(self.send, tokens=self.tokens)
        return UserClient(self, send, user_id, budget, interactive=interactive)


class UserClient:
    """Spotify as one user sees it.

    Every method makes one call, in one to four attempts.

    Raises:
        ReconnectNeeded: The user must sign in again.
        CallCapReached: The budget is spent.
        QuotaExhausted: The developer account rests.
        SpotifyBusy: No turn could be had in time.
        BreakerOpen: Spotify has been failing and is left alone.
        Transient: Spotify failed, in every attempt that could be made.
        SpotifyError: Spotify refused; which subclass says why.
    """

    def __init__(
        self,
        client: SpotifyClient,
        send: Send,
        user_id: UserId,
        budget: CallBudget,
        *,
        interactive: bool,
    ) -> None:
        """Keep what every call needs; see `SpotifyClient.for_user`."""
        self._client = client
        self._send = send
        self.user_id = user_id
        self._budget = budget
        self._interactive = interactive

    async def profile(self) -> ProfilePayload:
        """Return who the user is at Spotify."""
        reply = await self._get("profile", "/me")
        return _typed(ProfilePayload.model_validate, reply.json)

    async def saved_shows(self, offset: int = 0) -> Listing[SavedShowPayload]:
        """Return up to 50 shows of the user's library, from position `offset` (>= 0)."""
        reply = await self._get("saved_shows", "/me/shows", params=_page(offset))
        return _listing(SavedShowPayload.model_validate, reply.json)

    async def saved_episodes(self, offset: int = 0) -> Listing[SavedEpisodePayload]:
        """Return up to 50 episodes of the user's library, from position `offset` (>= 0)."""
        reply = await self._get("saved_episodes", "/me/episodes", params=_page(offset))
        return _listing(SavedEpisodePayload.model_validate, reply.json)

    async def show(self, show_id: str) -> ShowPayload:
        """Return a show with the first 50 episodes of its list in `episodes`.

        Raises:
            SpotifyNotFound: Spotify does not know it, or says so for the moment.
        """
        reply = await self._get("show", "/shows/{}", show_id, bucket=SHOW_PAGES)
        return _typed(ShowPayload.model_validate, reply.json)

    async def show_episodes(self, show_id: str, offset: int = 0) -> Listing[EpisodePayload]:
        """Return up to 50 episodes of a show, from position `offset` (>= 0) of its list.

        Raises:
            SpotifyNotFound: Spotify does not know it, or says so for the moment.
        """
        reply = await self._get(
            "show_episodes",
            "/shows/{}/episodes",
            show_id,
            params=_page(offset),
            bucket=SHOW_PAGES,
        )
        return _listing(EpisodePayload.model_validate, reply.json)

    async def episode(self, episode_id: str) -> EpisodePayload:
        """Return one episode, with its show and the user's resume point.

        Raises:
            SpotifyNotFound: Spotify does not know it, or says so for the moment.
        """
        reply = await self._get("episode", "/episodes/{}", episode_id)
        return _typed(EpisodePayload.model_validate, reply.json)

    async def player(self) -> PlayerPayload | None:
        """Return what is playing now; None if nothing is."""
        reply = await self._get(
            "player", "/me/player/currently-playing", params={"additional_types": "episode"}
        )
        if reply.status == HTTPStatus.NO_CONTENT:
            return None
        return _typed(PlayerPayload.model_validate, reply.json)

    async def search(self, words: str) -> Listing[ShowPayload]:
        """Return up to 10 shows that match `words`, best first."""
        params: dict[str, str | int] = {"q": words[:200], "type": "show", "limit": SEARCH_PAGE}
        reply = await self._get("search", "/search", params=params)
        shows = reply.json.get("shows") if isinstance(reply.json, Mapping) else None
        return _listing(ShowPayload.model_validate, shows)

    async def _get(
        self,
        operation: str,
        path: str,
        *ids: str,
        params: Mapping[str, str | int] | None = None,
        bucket: str = OTHER,
    ) -> Reply:
        if not all(is_id(one) for one in ids):
            raise SpotifyNotFound
        patience_s = INTERACTIVE_DEADLINE_S if self._interactive else BACKGROUND_DEADLINE_S
        return await self._send(
            Call(
                method="GET",
                operation=operation,
                service=Service.SPOTIFY_API,
                url=self._client.settings.spotify_api_url + path.format(*ids),
                params=params or {},
                user_id=self.user_id,
                run_id=self._budget.run_id,
                deadline=self._client.runtime.clock.monotonic() + patience_s,
                interactive=self._interactive,
                bucket=bucket,
                budget=self._budget,
            )
        )


def _page(offset: int) -> dict[str, str | int]:
    return {"limit": PAGE, "offset": offset}


def _typed(read: Callable[[object], T], json: object) -> T:
    """Read an answer as one thing; a good status with other contents is no good answer."""
    try:
        return read(json)
    except ValueError:
        # Not `from` the cause, whose text quotes the body.
        raise Garbled from None


def _listing(read: Callable[[object], T], json: object) -> Listing[T]:
    """Read an answer as a page of a list."""
    return _typed(lambda page: read_listing(page, read), json)

"""A call to Spotify as the stages of the client hand it on, and what it may cost."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from pydantic import SecretStr

from src.cost_tracking.prices import Service
from src.spotify.errors import CallCapReached
from src.utils.circuit_breaker import Permit
from src.utils.types import MicroUsd, UserId


class CallBudget:
    """How many attempts one piece of work may make, and what it has used so far.

    Attributes:
        run_id: The sync run the attempts belong to, if any; it stands in every cost entry.
        max_calls: Most attempts, retries included, and also those that never left.
        calls: Calls made so far: attempts that were sent. The accounts service's do not count.
        unsent: Attempts that never left this machine.
        cost_micro: What the calls cost in micro-dollars.
    """

    def __init__(self, run_id: UUID | None, max_calls: int) -> None:
        """Start with nothing used."""
        self.run_id = run_id
        self.max_calls = max_calls
        self.calls = 0
        self.unsent = 0
        self.cost_micro = 0
        self._held = 0

    @property
    def left(self) -> int:
        """Attempts that may still be started."""
        return max(0, self.max_calls - self.calls - self.unsent - self._held)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep one attempt reserved while the block runs; `count` says if it was made.

        Raises:
            CallCapReached: None is left.
        """
        if not self.left:
            raise CallCapReached(self.max_calls)
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def count(self, amount: MicroUsd, *, sent: bool) -> None:
        """Note an attempt that was made, its price, and whether it left this machine."""
        if sent:
            self.calls += 1
        else:
            self.unsent += 1
        self.cost_micro += amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call, possibly made in several attempts.

    Attributes:
        method: GET or POST.
        operation: Constant name for logs and costs, such as `show_episodes`.
        service: Which of Spotify's two services; also the name of its breaker.
        url: Absolute, without a query.
        params: Query parameters.
        form: Form fields of a POST; secrets among them never reach a log.
        user_id: Who pays.
        run_id: The sync run this belongs to, if any.
        deadline: Instant of the clock's `monotonic()` after which nothing is begun, in seconds.
        idempotent: Whether making it twice does no harm; only then is it retried.
        interactive: Whether a person is waiting for it.
        bucket: Quota bucket it counts in; None counts in none.
        token: Access token for the Authorization header.
        budget: Counts the attempts; None counts nothing.
        permit: The breaker's leave, which takes the verdict; set by the client's stage.
    """

    method: str
    operation: str
    service: Service
    url: str
    user_id: UserId
    deadline: float
    params: Mapping[str, str | int] = field(default_factory=dict)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    run_id: UUID | None = None
    idempotent: bool = True
    interactive: bool = False
    bucket: str | None = None
    token: SecretStr | None = None
    budget: CallBudget | None = None
    permit: Permit | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer: 2xx, read to its end and parsed.

    Attributes:
        status: HTTP status, 200 to 299.
        headers: Response headers, names in lower case.
        json: The parsed body; None if there was none (204).
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    json: object = field(repr=False)


Send = Callable[[Call], Awaitable[Reply]]
"""Makes a call. Every stage of the client is one around another; the wire is the innermost."""


class Access(Protocol):
    """An access token, and the fence of the refresh that brought it."""

    @property
    def value(self) -> SecretStr:
        """The token itself."""
        ...

    @property
    def fence(self) -> int:
        """Number of the refresh; a newer token has a higher one."""
        ...


class Tokens(Protocol):
    """Where the client gets a user's access token from."""

    async def access_token(self, user_id: UserId, *, stale_fence: int | None) -> Access:
        """Return a token that should be good for the next minute, refreshed if need be.

        Args:
            user_id: Whose token.
            stale_fence: Fence of a token that Spotify has just rejected: refresh if it is still
                the stored one. None if nothing was rejected.

        Raises:
            NotConnected: The user has none.
            ReconnectNeeded: The grant is gone.
            SpotifyBusy: Another refresh is under way and takes too long.
        """
        ...

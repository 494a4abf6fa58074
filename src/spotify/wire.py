"""One metered attempt: send, read the whole answer, parse it, name what failed, write it down."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from uuid import UUID

import httpx2
import structlog

from src.cost_tracking import ledger
from src.cost_tracking.ledger import NOT_SENT, Attempt
from src.runtime import Runtime
from src.spotify.answers import read_json, refuse
from src.spotify.calls import Call, Reply
from src.spotify.errors import Garbled, SpotifyBusy, SpotifyError, TimedOut, Transient, Unreachable
from src.utils.tasks import finish

Transport = httpx2.AsyncBaseTransport
"""What carries requests; tests hand in one that stays in the process."""

log = structlog.get_logger()

ATTEMPT_S = 10.0
_LARGEST_BODY = 8 * 1024 * 1024
_TIMEOUT = httpx2.Timeout(ATTEMPT_S, connect=5.0, pool=5.0)
_HEADERS = {"accept": "application/json", "user-agent": "playhead"}
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)


@dataclass(slots=True)
class _Progress:
    """How far an attempt came; filled in as it goes, read when it ends, however it ends."""

    id: UUID
    at: datetime
    began_s: float
    connecting: bool = False
    sent: bool = False
    refused: bool = False
    status: int | None = None
    outcome: str = "cancelled"

    async def trace(self, event: str, _info: object) -> None:
        """Follow the transport, which tells when it begins to connect and to send."""
        self.connecting |= event.startswith("connection.connect")
        self.sent |= event.endswith("send_request_headers.started")

    @property
    def never_sent(self) -> bool:
        """Whether nothing can have reached the other side; in doubt it has."""
        return self.refused or (self.connecting and not self.sent)


class Wire:
    """Sends single attempts; one per process, with one pool of connections.

    Every attempt leaves one cost entry, also when it is cancelled half-way, and one line in the
    log, with neither token nor body.
    """

    def __init__(
        self, runtime: Runtime, *, transport: Transport | None = None, attempt_s: float = ATTEMPT_S
    ) -> None:
        """Open nothing yet.

        Args:
            runtime: Clock, identities and the database of the ledger.
            transport: What carries requests; by default real connections.
            attempt_s: Seconds an attempt may take in all, from connecting to the last byte.
        """
        self._runtime = runtime
        self._attempt_s = attempt_s
        # Proxy variables of the environment would carry tokens through somebody else's machine,
        # and a cookie set for one user would be sent for the next.
        self._client = httpx2.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def send(self, call: Call) -> Reply:
        """Make one attempt; see `Send`.

        The breaker's permit, if there is one, takes the verdict.

        Raises:
            Transient: The service failed; which subclass says how.
            SpotifyBusy: The deadline has passed; nothing was sent or recorded.
            SpotifyError: The service refused; which subclass says why.
        """
        clock = self._runtime.clock
        began_s = clock.monotonic()
        allowed_s = min(self._attempt_s, call.deadline - began_s)
        if allowed_s <= 0:
            raise SpotifyBusy("The time for this call ran out while it waited.", retry_after_s=1)
        progress = _Progress(id=self._runtime.entropy.uuid(), at=clock.now(), began_s=began_s)
        try:
            return await self._try(call, progress, allowed_s)
        finally:
            await self._write_down(call, progress)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _write_down(self, call: Call, progress: _Progress) -> None:
        """Put the attempt into the log, the budget of its work and the ledger."""
        attempt = Attempt(
            id=progress.id,
            user_id=call.user_id,
            service=call.service,
            operation=call.operation,
            outcome=NOT_SENT if progress.never_sent else progress.outcome,
            at=progress.at,
            status=progress.status,
            run_id=call.run_id,
        )
        log.info(
            "spotify_attempt",
            operation=call.operation,
            status=progress.status,
            ms=round((self._runtime.clock.monotonic() - progress.began_s) * 1000),
            outcome=attempt.outcome,
            user_id=call.user_id,
            run_id=str(call.run_id) if call.run_id else None,
        )
        if call.budget is not None:
            call.budget.count(attempt.amount, sent=attempt.outcome != NOT_SENT)
        await finish(ledger.record(self._runtime.database, attempt))

    async def _try(self, call: Call, progress: _Progress, allowed_s: float) -> Reply:
        """Exchange once and hand the verdict to the breaker."""
        try:
            reply = await self._exchange(call, progress, allowed_s)
        except Transient as error:
            progress.outcome = error.code
            if call.permit is not None:
                call.permit.failed()
            raise
        except SpotifyError as error:
            progress.outcome = error.code
            if call.permit is not None:
                call.permit.answered()
            raise
        progress.outcome = "ok"
        if call.permit is not None:
            call.permit.answered()
        return reply

    async def _exchange(self, call: Call, progress: _Progress, allowed_s: float) -> Reply:
        try:
            # The transport's own timeouts are per chunk: a body that drips never meets them.
            async with asyncio.timeout(allowed_s):
                response, body = await self._fetch(call, progress)
        except _NEVER_SENT as error:
            progress.refused = True
            raise Unreachable from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise TimedOut from error
        except httpx2.DecodingError as error:
            raise Garbled("Spotify's answer could not be unpacked.") from error
        except httpx2.TransportError as error:
            raise Unreachable("The connection to Spotify broke. We try again later.") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        status = response.status_code
        if not response.is_success:
            refuse(
                service=call.service,
                status=status,
                headers=headers,
                body=body,
                now=self._runtime.clock.now(),
            )
        empty = status in {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT}
        return Reply(status=status, headers=headers, json=None if empty else read_json(body))

    async def _fetch(self, call: Call, progress: _Progress) -> tuple[httpx2.Response, bytes]:
        """Send and read to the last byte, up to a limit."""
        headers = {}
        if call.token is not None:
            headers["authorization"] = f"Bearer {call.token.get_secret_value()}"
        body = bytearray()
        async with self._client.stream(
            call.method,
            call.url,
            params=call.params or None,
            data=call.form,
            headers=headers,
            timeout=_TIMEOUT,
            extensions={"trace": progress.trace},
        ) as response:
            progress.status = response.status_code
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LARGEST_BODY:
                    raise Garbled("Spotify's answer is larger than any we know.")
        return response, bytes(body)

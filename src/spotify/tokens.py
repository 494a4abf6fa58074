"""Spotify tokens at rest: sealed, opened for their user only, refreshed by one process at a time.

The lease on the connection's row is taken in one short transaction and given back
in another, so that none is open while Spotify answers. Whoever comes second waits
for the first; whoever finds a lease lapsed takes it, since its holder is dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import SecretStr

from src.crypto import KeyMissing, SealBroken
from src.errors import PlayheadError
from src.runtime import Runtime
from src.spotify.config import CONSENT_LIFETIME
from src.spotify.errors import GrantRefused, NotConnected, SpotifyBusy
from src.spotify.grants import (
    ACCESS_PURPOSE,
    CONSENT_EXPIRED,
    REFRESH_PURPOSE,
    REVOKED,
    UNREADABLE,
    AccessToken,
    Grant,
    reconnect_needed,
    sealed_columns,
)
from src.spotify.models import ConnectionState, SpotifyConnection
from src.spotify.queries import connection as queries
from src.utils.entropy import Entropy
from src.utils.tasks import finish
from src.utils.types import UserId

log = structlog.get_logger()

REFRESH_BEFORE_S = 60.0
LEASE_S = 15.0
"""Longer than any one call to the accounts service may take (10 s)."""
PATIENCE_S = 10.0
_SHORTEST_POLL_S = 0.020
_LONGEST_POLL_S = 0.250

Renew = Callable[[SecretStr, UserId], Awaitable[Grant]]
"""Exchanges a refresh token at the accounts service; raises `GrantRefused` and wire errors."""


def _polls(entropy: Entropy) -> Iterator[float]:
    """Yield waits in seconds, from 20 ms doubling up to 250 ms, each up to a half shorter."""
    longest_s = _SHORTEST_POLL_S
    while True:
        yield longest_s * entropy.uniform(0.5, 1.0)
        longest_s = min(_LONGEST_POLL_S, longest_s * 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Access tokens of every user, kept fresh.

    Args:
        runtime: Clock, keys and database.
        renew: How a refresh token is exchanged.
        lease_s: Seconds after which a refresh counts as dead.
        patience_s: Seconds a caller waits for another's refresh.
    """

    runtime: Runtime
    renew: Renew
    lease_s: float = LEASE_S
    patience_s: float = PATIENCE_S

    async def access_token(self, user_id: UserId, *, stale_fence: int | None = None) -> AccessToken:
        """Return a token good for 60 s at least, refreshing it first if need be.

        Of any number of callers in any number of processes one refreshes; the
        others wait for it.

        Args:
            user_id: Whose token.
            stale_fence: Fence of the token that Spotify just refused with 401; it
                is refreshed unless somebody has done so since.

        Raises:
            NotConnected: The user has no connection.
            ReconnectNeeded: The user must sign in again (also: just found out).
            KeyMissing: No present key opens what is stored; the connection stays as it is.
            SpotifyBusy: Another process's refresh took longer than 10 s.
            Transient: Spotify could not be asked; the connection stays as it is.
        """
        clock = self.runtime.clock
        give_up = clock.monotonic() + self.patience_s
        for wait_s in _polls(self.runtime.entropy):
            row = await self._active(user_id)
            if row.fence != stale_fence and row.expires_at > self._expiring_by():
                return await self._stored(row)
            if row.lease_until <= clock.now():
                # Spotify may give a new refresh token and void the old one: whoever gives up
                # half-way would lose the connection. Ends when the attempt's own time is over.
                found = await finish(self._refreshed(user_id, stale_fence=stale_fence))
                if found is not None:
                    return found
            if clock.monotonic() + wait_s > give_up:
                break
            await clock.sleep(wait_s)
        raise SpotifyBusy(
            "Another process is still renewing the sign-in at Spotify. Try again in a few seconds.",
            retry_after_s=self.lease_s,
        )

    async def replaced(self, refresh_token: SecretStr, user_id: UserId) -> AccessToken:
        """Return a token newer than what `refresh_token` last gave.

        If the stored refresh token is another one, somebody has refreshed since: the
        stored access token is as good as new and no call is made. Raises as
        `access_token` does.
        """
        row = await self._active(user_id)
        stored = await self._open(row, row.refresh_sealed, purpose=REFRESH_PURPOSE)
        is_stored = stored.get_secret_value() == refresh_token.get_secret_value()
        is_under_way = row.lease_until > self.runtime.clock.now()
        stale_fence = row.fence if is_stored and not is_under_way else None
        return await self.access_token(user_id, stale_fence=stale_fence)

    async def _active(self, user_id: UserId) -> SpotifyConnection:
        async with self.runtime.database.transaction(user_id, write=False) as session:
            row = await queries.connection_of(session, user_id=user_id)
        if row is None:
            raise NotConnected
        if row.state != ConnectionState.ACTIVE:
            raise reconnect_needed(row.reason)
        return row

    async def _stored(self, row: SpotifyConnection) -> AccessToken:
        value = await self._open(row, row.access_sealed, purpose=ACCESS_PURPOSE)
        return AccessToken(value=value, fence=row.fence, expires_at=row.expires_at, scope=row.scope)

    def _expiring_by(self) -> datetime:
        return self.runtime.clock.now() + timedelta(seconds=REFRESH_BEFORE_S)

    async def _open(self, row: SpotifyConnection, ciphertext: str, *, purpose: str) -> SecretStr:
        """Open a sealed token of `row`; one that is another row's parks the connection."""
        user_id = UserId(row.user_id)
        try:
            return SecretStr(self.runtime.vault.open(ciphertext, user_id=user_id, purpose=purpose))
        except KeyMissing:
            raise  # the operator's to mend: the connection works again under the right key
        except SealBroken as error:
            await self._park(row, UNREADABLE)
            raise reconnect_needed(UNREADABLE) from error

    async def _refreshed(self, user_id: UserId, *, stale_fence: int | None) -> AccessToken | None:
        """Refresh the token if nobody else is at it; None if it has to be looked at again."""
        now = self.runtime.clock.now()
        async with self.runtime.database.transaction(user_id) as session:
            row = await queries.take_lease(
                session,
                user_id=user_id,
                now=now,
                until=now + timedelta(seconds=self.lease_s),
                expiring_by=self._expiring_by(),
                stale_fence=stale_fence,
            )
        if row is None:
            return None
        try:
            refresh_token = await self._open(row, row.refresh_sealed, purpose=REFRESH_PURPOSE)
            grant = await self.renew(refresh_token, user_id)
        except (PlayheadError, asyncio.CancelledError) as error:
            if isinstance(error, GrantRefused) and error.ends_grant:
                await self._refused(row)
                return None
            await self._release(row)
            raise
        return await self._keep(row, grant)

    async def _keep(self, row: SpotifyConnection, grant: Grant) -> AccessToken | None:
        """Store `grant` and return its token; None if the lease was lost to somebody else."""
        user_id = UserId(row.user_id)
        columns = sealed_columns(self.runtime, user_id=user_id, grant=grant)
        async with self.runtime.database.transaction(user_id) as session:
            kept = await queries.store_grant(
                session, user_id=user_id, fence=row.fence, values=columns
            )
            if not kept and grant.refresh_token is not None:
                # The token that was sent may be void by now, for whoever has the lease too.
                rotated = {name: columns[name] for name in ("refresh_sealed", "key_version")}
                await queries.replace_refresh_token(
                    session, user_id=user_id, used=row.refresh_sealed, values=rotated
                )
        if not kept:
            return None
        log.info("spotify_token_refreshed", user_id=user_id, rotated="refresh_sealed" in columns)
        return AccessToken(
            value=grant.access_token,
            fence=row.fence,
            expires_at=grant.expires_at,
            scope=grant.scope or row.scope,
        )

    async def _refused(self, row: SpotifyConnection) -> None:
        """Park the connection whose token Spotify refused, unless another is stored by now.

        Raises:
            ReconnectNeeded: It is parked.
        """
        ends_at = row.consented_at + self.runtime.long(CONSENT_LIFETIME)
        reason = CONSENT_EXPIRED if self.runtime.clock.now() >= ends_at else REVOKED
        if await self._park(row, reason):
            raise reconnect_needed(reason)
        await self._release(row)

    async def _park(self, row: SpotifyConnection, reason: str) -> bool:
        user_id = UserId(row.user_id)
        async with self.runtime.database.transaction(user_id) as session:
            parked = await queries.park(
                session,
                user_id=user_id,
                refresh_sealed=row.refresh_sealed,
                reason=reason,
                now=self.runtime.clock.now(),
            )
        if parked:
            log.warning("spotify_connection_parked", user_id=user_id, reason=reason)
            if reason == CONSENT_EXPIRED:  # the last of the notices, should Spotify be first
                log.info("consent_notice", user_id=user_id, days=0)
        return parked

    async def _release(self, row: SpotifyConnection) -> None:
        user_id = UserId(row.user_id)
        async with self.runtime.database.transaction(user_id) as session:
            await queries.release_lease(session, user_id=user_id, fence=row.fence)

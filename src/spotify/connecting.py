"""Connecting a Spotify account to a user, renewing that, and undoing it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import SecretStr

from src.crypto import SealBroken
from src.spotify.config import CALLBACK_PATH, SCOPES
from src.spotify.errors import (
    GrantRefused,
    OtherAccount,
    ScopeMissing,
    SpotifyError,
    SpotifyNotConfigured,
    StateExpired,
    StateInvalid,
)
from src.spotify.grants import Grant, sealed_columns
from src.spotify.models import ConnectionState, OAuthState, SpotifyConnection
from src.spotify.oauth import new_verifier
from src.spotify.payloads import ProfilePayload
from src.spotify.queries import connection as queries
from src.spotify.queries import forgetting
from src.spotify.service import Spotify
from src.users.credentials import fingerprint, new_secret
from src.users.queries import note
from src.utils.types import UserId

log = structlog.get_logger()

SIGN_IN_LASTS = timedelta(minutes=10)
VERIFIER_PURPOSE = "spotify_verifier"


class SpotifyNotSetUp(SpotifyNotConfigured):
    """No client id is set; says the three steps to one, with this Playhead's own address."""

    def __init__(self, redirect_uri: str) -> None:
        """Name the address that the app has to know."""
        SpotifyError.__init__(
            self,
            "Playhead has no Spotify app yet; that takes three steps. (1) Create an app at "
            f"developer.spotify.com/dashboard. (2) Enter {redirect_uri} as its redirect URI and "
            "tick Web API. (3) Set its client id as SPOTIFY_CLIENT_ID and start Playhead again.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Where a user's browser goes to consent, and until when it may come back (UTC)."""

    url: str
    expires_at: datetime


def redirect_uri(spotify: Spotify) -> str:
    """Return the address Spotify sends browsers back to, as the app must have it registered."""
    return f"{spotify.runtime.settings.public_url}{CALLBACK_PATH}"


async def begin(spotify: Spotify, *, user_id: UserId, session_id: int | None) -> SignIn:
    """Begin a sign-in at Spotify.

    Args:
        spotify: The Spotify parts of this process.
        user_id: Who wants to connect.
        session_id: The browser session that asked, which is the only one that can
            finish it. None when a program asked with a token: then any browser
            session of the user can, after one more press.

    Raises:
        SpotifyNotConfigured: There is no client id; says how to get one.
    """
    runtime, address = spotify.runtime, redirect_uri(spotify)
    client_id = spotify.settings.spotify_client_id
    if client_id is None:
        raise SpotifyNotSetUp(address)
    now = runtime.clock.now()
    state, verifier = new_secret(runtime.entropy), new_verifier(runtime.entropy)
    sealed = runtime.vault.seal(
        verifier.get_secret_value(), user_id=user_id, purpose=VERIFIER_PURPOSE
    )
    row = OAuthState(
        state_hash=fingerprint(state),
        user_id=user_id,
        session_id=session_id,
        verifier_sealed=sealed.ciphertext,
        redirect_uri=address,
        created_at=now,
        expires_at=now + SIGN_IN_LASTS,
    )
    async with runtime.database.transaction(user_id) as session:
        await queries.add_state(session, user_id=user_id, state=row)
    url = spotify.oauth.authorization_url(
        client_id=client_id, state=state, verifier=verifier, redirect_uri=address
    )
    return SignIn(url=url, expires_at=row.expires_at)


async def awaits_confirmation(spotify: Spotify, *, state: str, user_id: UserId) -> bool:
    """Tell whether `state` was begun by a program of this user, so that a person must confirm.

    Without that press, somebody who gets hold of such an address could have
    their own Spotify account connected to whoever opens it.
    """
    async with spotify.runtime.database.transaction(user_id, write=False) as session:
        return await queries.awaits_confirmation(
            session, user_id=user_id, state_hash=fingerprint(state)
        )


async def finish(
    spotify: Spotify,
    *,
    code: SecretStr,
    state: str,
    user_id: UserId,
    session_id: int,
    confirmed: bool = False,
) -> SpotifyConnection:
    """Finish a sign-in: trade the code for tokens, look who it was, and store the connection.

    The state is consumed first, whatever happens then. A first connection and a
    renewal both make the schedule due now. A renewal keeps all data.

    Args:
        spotify: The Spotify parts of this process.
        code: What Spotify sent back.
        state: What came back with it.
        user_id: Who is signed in here.
        session_id: The browser session it came back in.
        confirmed: Whether a person pressed *Connect* here, which a sign-in begun
            by a program needs.

    Returns:
        The stored connection.

    Raises:
        StateInvalid: Unknown, used, of another user or session, or not confirmed.
        StateExpired: Begun more than ten minutes ago.
        GrantRefused: Spotify does not accept the code.
        ScopeMissing: The user did not consent to all that syncing needs.
        NotAllowed: Spotify's app owner has not listed this person.
        AlreadyConnected: Another user here has this Spotify account.
        OtherAccount: This user is connected with another Spotify account.
        Transient: Spotify failed; nothing was stored.
    """
    row = await _consume(spotify, state=state, user_id=user_id)
    is_own = row.session_id == session_id or (row.session_id is None and confirmed)
    if not is_own:
        raise StateInvalid
    if row.expires_at <= spotify.runtime.clock.now():
        raise StateExpired
    grant = await spotify.oauth.exchange(
        code,
        verifier=_verifier(spotify, row),
        redirect_uri=row.redirect_uri,
        user_id=user_id,
    )
    if grant.refresh_token is None:
        raise GrantRefused("no_refresh_token")
    if grant.scope is not None and not set(SCOPES) <= set(grant.scope.split()):
        raise ScopeMissing
    profile = await spotify.oauth.profile(grant.access_token, user_id=user_id)
    connection = await _store(spotify, user_id=user_id, grant=grant, profile=profile)
    spotify.bell.ring()
    log.info("spotify_connected", user_id=user_id)
    return connection


async def _consume(spotify: Spotify, *, state: str, user_id: UserId) -> OAuthState:
    async with spotify.runtime.database.transaction(user_id) as session:
        row = await queries.consume_state(session, user_id=user_id, state_hash=fingerprint(state))
    if row is None:
        raise StateInvalid
    return row


def _verifier(spotify: Spotify, row: OAuthState) -> SecretStr:
    try:
        opened = spotify.runtime.vault.open(
            row.verifier_sealed, user_id=UserId(row.user_id), purpose=VERIFIER_PURPOSE
        )
    except SealBroken as error:
        raise StateInvalid from error
    return SecretStr(opened)


async def _store(
    spotify: Spotify, *, user_id: UserId, grant: Grant, profile: ProfilePayload
) -> SpotifyConnection:
    """Store grant, schedule and audit line in one transaction."""
    runtime = spotify.runtime
    now = runtime.clock.now()
    values: dict[str, Any] = {
        "scope": " ".join(SCOPES),
        **sealed_columns(runtime, user_id=user_id, grant=grant),
        "spotify_id": profile.id,
        "account_key": hashlib.sha256(profile.account_key.encode()).hexdigest(),
        "display_name": profile.display_name or None,
        "state": ConnectionState.ACTIVE,
        "reason": None,
        "lapsed_at": None,
        "lease_until": queries.FREE,
        "connected_at": now,
        "consented_at": now,
        "consent_notice_days": None,
    }
    async with runtime.database.transaction(user_id) as session:
        stored = await queries.store_connection(session, user_id=user_id, values=values)
        if stored is None:
            raise OtherAccount
        await queries.start_schedule(session, user_id=user_id, account=spotify.account, now=now)
        await note(session, user_id=user_id, now=now, action="spotify_connected")
    return stored


async def disconnect(spotify: Spotify, *, user_id: UserId) -> bool:
    """Delete the user's tokens and all that Spotify's API told of them, at once.

    A run under way loses its right to write. What the user paid stays on record,
    and so does what others still follow in the catalogue. Safe to repeat.

    Returns:
        Whether there was a connection.
    """
    runtime = spotify.runtime
    async with runtime.database.transaction(user_id) as session:
        await forgetting.stop_runs(session, user_id=user_id)
        shows = await forgetting.shows_touched(session, user_id=user_id)
        existed = await forgetting.delete_connection(session, user_id=user_id)
        if existed:
            now = runtime.clock.now()
            await note(session, user_id=user_id, now=now, action="spotify_disconnected")
    await forget_unfollowed(spotify, show_ids=shows)
    log.info("spotify_disconnected", user_id=user_id, existed=existed)
    return existed


async def forget_unfollowed(spotify: Spotify, *, show_ids: Iterable[str] | None = None) -> int:
    """Delete catalogue rows that nobody follows any more; return how many shows.

    Args:
        spotify: The Spotify parts of this process.
        show_ids: Look at these only; by default at the whole catalogue.
    """
    chosen = None if show_ids is None else sorted(show_ids)
    if chosen == []:
        return 0
    async with spotify.runtime.database.scheduling() as session:
        return await forgetting.delete_unfollowed_all_users(session, show_ids=chosen)

"""What the accounts service gives, how it is sealed, and what is said when it ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from src.runtime import Runtime
from src.spotify.errors import Garbled, ReconnectNeeded
from src.utils.types import UserId

ACCESS_PURPOSE = "spotify_access"
REFRESH_PURPOSE = "spotify_refresh"

REVOKED = "revoked"
CONSENT_EXPIRED = "consent_expired"
UNREADABLE = "tokens_unreadable"

_USUAL_LIFETIME_S = 3600
_LONGEST_LIFETIME_S = 86_400

_WORDS = {
    REVOKED: "Spotify says the connection was removed on its side. Nothing is lost here: connect "
    "again to go on.",
    CONSENT_EXPIRED: "Your Spotify consent has ended, as it does after six months. Your history "
    "is safe. Connect again to go on.",
    UNREADABLE: "The stored sign-in at Spotify cannot be opened. Your history is safe. Connect "
    "again to go on.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the accounts service gave: tokens, space-separated scopes, and when access ends (UTC).

    `refresh_token` is None when the one in use stays valid, `scope` when it is as asked.
    """

    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: datetime
    scope: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token to call with; `fence` says which refresh made it, `expires_at` when it ends (UTC)."""

    value: SecretStr
    fence: int
    expires_at: datetime
    scope: str


class _TokenReply(BaseModel):
    """A reply of the token endpoint, tolerant of everything but a missing access token."""

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_in: int | None = None
    scope: str | None = None


def read_grant(json: object, *, asked_at: datetime) -> Grant:
    """Read a reply of the token endpoint.

    Args:
        json: The parsed body.
        asked_at: When the request was sent; the token's life counts from then.

    Raises:
        Garbled: There is no access token in it.
    """
    try:
        reply = _TokenReply.model_validate(json)
    except ValidationError:
        reply = None
    if reply is None or not reply.access_token.get_secret_value():
        # Not `from` the cause, whose text quotes the body.
        raise Garbled("Spotify's answer to the sign-in could not be read. Nothing was changed.")
    life_s = _USUAL_LIFETIME_S if reply.expires_in is None else reply.expires_in
    given = reply.refresh_token
    return Grant(
        access_token=reply.access_token,
        refresh_token=given if given is not None and given.get_secret_value() else None,
        expires_at=asked_at + timedelta(seconds=min(max(0, life_s), _LONGEST_LIFETIME_S)),
        scope=reply.scope or None,
    )


def words_for(reason: str | None) -> str:
    """Return one or two sentences for the user about a connection parked for `reason`."""
    return _WORDS.get(reason or REVOKED, _WORDS[REVOKED])


def reconnect_needed(reason: str | None) -> ReconnectNeeded:
    """Return the error that tells a user, in words for `reason`, to sign in at Spotify again."""
    return ReconnectNeeded(words_for(reason))


def sealed_columns(runtime: Runtime, *, user_id: UserId, grant: Grant) -> dict[str, Any]:
    """Return the columns of a connection that keep `grant`, sealed for this user.

    A refresh token is among them only if the grant brought one.
    """
    access = runtime.vault.seal(
        grant.access_token.get_secret_value(), user_id=user_id, purpose=ACCESS_PURPOSE
    )
    columns: dict[str, Any] = {
        "access_sealed": access.ciphertext,
        "expires_at": grant.expires_at,
    }
    if grant.scope is not None:
        columns["scope"] = grant.scope
    if grant.refresh_token is not None:
        refresh = runtime.vault.seal(
            grant.refresh_token.get_secret_value(), user_id=user_id, purpose=REFRESH_PURPOSE
        )
        # The version tells which key may be retired, so it follows the text that lives longest.
        columns |= {"refresh_sealed": refresh.ciphertext, "key_version": refresh.key_version}
    return columns

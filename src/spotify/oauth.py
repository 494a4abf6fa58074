"""Signing in at Spotify: authorization code with PKCE, and refreshing what it gave.

No client secret exists. Nothing here keeps a token: what comes back is sealed and
stored by `tokens.py`.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import SecretStr, ValidationError

from src.cost_tracking.prices import Service
from src.runtime import Runtime
from src.spotify.calls import Call, Send
from src.spotify.config import SCOPES, SpotifySettings
from src.spotify.errors import Garbled, SpotifyNotConfigured
from src.spotify.grants import Grant, read_grant
from src.spotify.payloads import ProfilePayload
from src.spotify.quota import OTHER
from src.spotify.tokens import Tokens
from src.spotify.wire import Wire
from src.utils.entropy import Entropy
from src.utils.types import UserId

DEADLINE_S = 10.0
"""How long a call to the accounts service may take in all; shorter than the lease on a refresh."""
_VERIFIER_BYTES = 64


class RefreshedToken(TypedDict):
    """What `refresh_access_token` returns: the token, when it ends (UTC), and its scopes."""

    access_token: str
    expires_at: datetime
    scope: str


def new_verifier(entropy: Entropy) -> SecretStr:
    """Return a PKCE code verifier: 64 random bytes as 86 characters of base64url."""
    raw = base64.urlsafe_b64encode(entropy.token_bytes(_VERIFIER_BYTES))
    return SecretStr(raw.rstrip(b"=").decode("ascii"))


@dataclass(frozen=True, slots=True)
class _Means:
    """What talking to Spotify takes."""

    runtime: Runtime
    settings: SpotifySettings
    send: Send


class SpotifyOAuth:
    """The accounts service, for every user of one process.

    Made without arguments it serves the shell: each call opens a runtime from the
    environment and closes it again.
    """

    def __init__(
        self,
        runtime: Runtime | None = None,
        *,
        settings: SpotifySettings | None = None,
        send: Send | None = None,
    ) -> None:
        """Use the parts of a running process, or none of them.

        Args:
            runtime: Clock, keys and database; by default those of the environment.
            settings: Client id and addresses; by default those of the environment.
            send: How calls are made; needed together with `runtime`.
        """
        self._settings = settings
        self._given: _Means | None = None
        if runtime is not None and send is not None:
            self._given = _Means(runtime, settings or SpotifySettings(), send)

    @property
    def tokens(self) -> Tokens:
        """Every user's access token, kept fresh; only where a runtime was given."""
        if self._given is None:
            raise TypeError("tokens are kept by a SpotifyOAuth that was given a runtime")
        return self._tokens(self._given)

    def authorization_url(
        self, *, client_id: str, state: str, verifier: SecretStr, redirect_uri: str
    ) -> str:
        """Return where the user's browser goes to consent, with the S256 challenge.

        Args:
            client_id: The app's client id.
            state: Comes back unchanged with the code.
            verifier: Kept here and sent with the code; only its hash is in the address.
            redirect_uri: Where the browser comes back to, exactly as registered.
        """
        settings = self._given.settings if self._given else self._settings or SpotifySettings()
        url: str = prepare_grant_uri(
            f"{settings.spotify_accounts_url}/authorize",
            client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=" ".join(SCOPES),
            state=state,
            code_challenge_method="S256",
            code_challenge=create_s256_code_challenge(verifier.get_secret_value()),
        )
        return url

    async def exchange(
        self, code: SecretStr, *, verifier: SecretStr, redirect_uri: str, user_id: UserId
    ) -> Grant:
        """Turn the code of a finished sign-in into tokens; a code works once.

        Raises:
            GrantRefused: The code, verifier or address is not what Spotify expects.
            SpotifyNotConfigured: There is no client id.
            Transient: Spotify could not be asked.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code.get_secret_value(),
            "redirect_uri": redirect_uri,
            "code_verifier": verifier.get_secret_value(),
        }
        async with self._means() as means:
            return await _ask(means, operation="token_exchange", form=form, user_id=user_id)

    async def refresh_access_token(self, refresh_token: str, user_id: int) -> RefreshedToken:
        """Return a fresh access token of a user, refreshing it once for all who ask.

        A refresh token that is no longer the stored one is not sent: somebody has
        refreshed since, and the stored access token is returned.

        Args:
            refresh_token: The user's refresh token, as far as the caller knows.
            user_id: Whose it is.

        Raises:
            NotConnected: The user has no connection.
            ReconnectNeeded: Spotify took the grant back; the connection is parked.
            SpotifyBusy: Another process's refresh takes too long.
            Transient: Spotify could not be asked; the connection stays as it is.
        """
        async with self._means() as means:
            token = await self._tokens(means).replaced(SecretStr(refresh_token), UserId(user_id))
        return RefreshedToken(
            access_token=token.value.get_secret_value(),
            expires_at=token.expires_at,
            scope=token.scope,
        )

    async def profile(self, access_token: SecretStr, *, user_id: UserId) -> ProfilePayload:
        """Ask who signed in, before there is a connection to ask through.

        Raises:
            NotAllowed: The app's owner has not listed this person.
            SpotifyError: Spotify failed or refused in another way.
        """
        async with self._means() as means:
            reply = await means.send(
                Call(
                    method="GET",
                    operation="profile",
                    service=Service.SPOTIFY_API,
                    url=f"{means.settings.spotify_api_url}/me",
                    user_id=user_id,
                    deadline=means.runtime.clock.monotonic() + DEADLINE_S,
                    interactive=True,
                    bucket=OTHER,
                    token=access_token,
                )
            )
        try:
            return ProfilePayload.model_validate(reply.json)
        except ValidationError:
            # Not `from` the cause, whose text quotes the body.
            raise Garbled("Spotify did not say who signed in. Nothing was changed.") from None

    @asynccontextmanager
    async def _means(self) -> AsyncIterator[_Means]:
        if self._given is not None:
            yield self._given
            return
        runtime = Runtime.open()
        wire = Wire(runtime)
        try:
            yield _Means(runtime, self._settings or SpotifySettings(), wire.send)
        finally:
            await wire.close()
            await runtime.close()

    @staticmethod
    def _tokens(means: _Means) -> Tokens:
        async def renew(refresh_token: SecretStr, user_id: UserId) -> Grant:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token.get_secret_value(),
            }
            return await _ask(means, operation="token_refresh", form=form, user_id=user_id)

        return Tokens(runtime=means.runtime, renew=renew)


async def _ask(means: _Means, *, operation: str, form: dict[str, str], user_id: UserId) -> Grant:
    """Ask the token endpoint; a code works once, a refresh may be asked for again."""
    client_id = means.settings.spotify_client_id
    if client_id is None:
        raise SpotifyNotConfigured
    clock = means.runtime.clock
    asked_at = clock.now()
    reply = await means.send(
        Call(
            method="POST",
            operation=operation,
            service=Service.SPOTIFY_ACCOUNTS,
            url=f"{means.settings.spotify_accounts_url}/api/token",
            form={**form, "client_id": client_id},
            user_id=user_id,
            deadline=clock.monotonic() + DEADLINE_S,
            idempotent="code" not in form,
        )
    )
    return read_grant(reply.json, asked_at=asked_at)

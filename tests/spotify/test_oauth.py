"""Authorization code with PKCE: what is asked for, and what the shell can do."""

import base64
import hashlib
import logging
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.responses import JSONResponse

from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.errors import Garbled, NotConnected, ReconnectNeeded, SpotifyNotConfigured
from src.spotify.oauth import SpotifyOAuth, new_verifier
from src.spotify.wire import Wire
from src.utils.entropy import SeededEntropy
from src.utils.types import UserId
from tests.factories import add_connection, add_user
from tests.fixtures import DatabaseUrls
from tests.spotify.token_server import CLIENT_ID, TokenServer, refusal

REDIRECT = "http://127.0.0.1:8000/api/spotify/auth/callback"


def test_the_verifier_is_86_characters_of_base64url() -> None:
    """64 random bytes, within the 43 to 128 characters that are allowed."""
    entropy = SeededEntropy("verifier")

    first, second = (new_verifier(entropy).get_secret_value() for _ in range(2))

    assert 86 == len(first)
    assert 64 == len(base64.urlsafe_b64decode(first + "=="))
    assert first != second


def test_the_address_asks_for_the_least_and_hides_the_verifier() -> None:
    """Three scopes, S256, and the exact redirect address; the verifier stays here."""
    verifier = new_verifier(SeededEntropy("address"))
    oauth = SpotifyOAuth(settings=SpotifySettings(_env_file=None))

    url = oauth.authorization_url(
        client_id=CLIENT_ID, state="a state&more", verifier=verifier, redirect_uri=REDIRECT
    )

    digest = hashlib.sha256(verifier.get_secret_value().encode()).digest()
    parts = urlsplit(url)
    assert "https://accounts.spotify.com/authorize" == f"https://{parts.netloc}{parts.path}"
    assert {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [REDIRECT],
        "scope": ["user-library-read user-read-playback-position user-read-currently-playing"],
        "state": ["a state&more"],
        "code_challenge_method": ["S256"],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
    } == parse_qs(parts.query)


def test_the_challenge_is_the_one_of_the_standard() -> None:
    """The example of RFC 7636, appendix B."""
    oauth = SpotifyOAuth(settings=SpotifySettings(_env_file=None))

    url = oauth.authorization_url(
        client_id=CLIENT_ID,
        state="s",
        verifier=SecretStr("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        redirect_uri=REDIRECT,
    )

    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" in url


async def test_the_exchange_sends_the_verifier_and_no_secret(runtime: Runtime) -> None:
    """Form fields as the accounts service wants them; times count from before the call."""
    server = TokenServer()
    server.rotates = True
    user_id = await add_user(runtime, "ada")

    grant = await server.oauth(runtime).exchange(
        SecretStr("the-code"),
        verifier=SecretStr("the-verifier"),
        redirect_uri=REDIRECT,
        user_id=user_id,
    )

    assert [
        {
            "grant_type": "authorization_code",
            "code": "the-code",
            "redirect_uri": REDIRECT,
            "client_id": CLIENT_ID,
            "code_verifier": "the-verifier",
        }
    ] == server.forms
    assert grant.refresh_token == SecretStr("refresh-new-1")
    assert 3600 == (grant.expires_at - runtime.clock.now()).total_seconds()


@pytest.mark.parametrize(
    ("told", "expected_s"), [(None, 3600), (-5, 0), (10**9, 86_400)], ids=["none", "past", "years"]
)
async def test_a_strange_lifetime_is_kept_within_bounds(
    runtime: Runtime, told: int | None, expected_s: int
) -> None:
    """What the accounts service says of the life of a token is not believed beyond a day."""
    server = TokenServer()
    server.answers.append(JSONResponse({"access_token": "a", "expires_in": told}))
    user_id = await add_user(runtime, "ada")

    grant = await server.oauth(runtime).exchange(
        SecretStr("c"), verifier=SecretStr("v"), redirect_uri=REDIRECT, user_id=user_id
    )

    assert expected_s == (grant.expires_at - runtime.clock.now()).total_seconds()


async def test_without_a_client_id_nothing_is_sent(runtime: Runtime) -> None:
    """The user is told to set one."""
    server = TokenServer()
    wire = Wire(runtime, transport=httpx2.ASGITransport(app=server))
    oauth = SpotifyOAuth(runtime, settings=SpotifySettings(_env_file=None), send=wire.send)

    with pytest.raises(SpotifyNotConfigured):
        await oauth.exchange(
            SecretStr("c"), verifier=SecretStr("v"), redirect_uri=REDIRECT, user_id=UserId(1)
        )

    assert [] == server.forms


async def test_a_refresh_by_hand_returns_token_end_and_scope(runtime: Runtime) -> None:
    """The public call refreshes even a token that is still good, and stores the new one."""
    server = TokenServer()
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    oauth = server.oauth(runtime)

    refreshed = await oauth.refresh_access_token(f"refresh-{user_id}", user_id)
    stored = await oauth.tokens.access_token(user_id)

    assert "access-new-1" == refreshed["access_token"] == stored.value.get_secret_value()
    assert stored.expires_at == refreshed["expires_at"]
    assert "user-library-read" == refreshed["scope"]
    assert 1 == len(server.forms)


async def test_an_outdated_refresh_token_is_not_sent(runtime: Runtime) -> None:
    """If a newer one is stored, its access token is returned without a call."""
    server = TokenServer()
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)

    refreshed = await server.oauth(runtime).refresh_access_token("an older one", user_id)

    assert f"access-{user_id}" == refreshed["access_token"]
    assert [] == server.forms


async def test_a_refused_refresh_by_hand_parks(runtime: Runtime) -> None:
    """The caller learns that the user has to sign in again."""
    server = TokenServer()
    server.answers.append(refusal("invalid_grant"))
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)

    with pytest.raises(ReconnectNeeded):
        await server.oauth(runtime).refresh_access_token(f"refresh-{user_id}", user_id)


@pytest.fixture
def environment(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment as a shell has it, leading to the test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", database_urls.runtime)
    monkeypatch.setenv("DATABASE_SCHEDULER_URL", database_urls.scheduler)
    monkeypatch.setenv("ENCRYPTION_KEYS", f"1:{Fernet.generate_key().decode()}")


@pytest.mark.usefixtures("environment")
async def test_in_the_shell_it_opens_and_closes_what_it_needs() -> None:
    """Without arguments the environment decides; nothing is left open."""
    runtime = Runtime.open()
    user_id = await add_user(runtime, "ada")
    await runtime.close()

    with pytest.raises(NotConnected):
        await SpotifyOAuth().refresh_access_token("any", user_id)


async def test_no_error_or_log_line_tells_a_token(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tokens stay out of messages, causes and logs, also when an answer is unreadable."""
    server = TokenServer()
    server.answers.append(JSONResponse({"access_token": ["planted-secret"]}))
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Garbled) as refused:
        await server.oauth(runtime).refresh_access_token(f"refresh-{user_id}", user_id)

    heard = f"{refused.value!r} {refused.value.__cause__!r} {caplog.text} {capsys.readouterr()}"
    assert "planted-secret" not in heard
    assert f"refresh-{user_id}" not in heard

"""Settings: what is refused, and with which cure."""

import pytest
from pydantic import ValidationError

from src.config import Settings, is_loopback_url
from src.spotify.config import SpotifySettings


def settings(**values: object) -> Settings:
    """Return settings of these values alone."""
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:8000", "127.0.0.1"),
        ("http://podcasts.example.org", "https"),
        ("ftp://example.org", "must look like"),
        ("https://example.org/playhead", "without a path"),
        ("https://me@example.org", "without a path or user"),
    ],
)
def test_a_public_url_that_cannot_work_is_refused(url: str, words: str) -> None:
    """Spotify and browsers would refuse it later, and less clearly."""
    with pytest.raises(ValidationError, match=words):
        settings(public_url=url)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://podcasts.example.org", "https://podcasts.example.org"),
    ],
)
def test_a_public_url_is_kept_as_an_origin(url: str, kept: str) -> None:
    """A trailing slash is dropped."""
    assert kept == settings(public_url=url).public_url


def test_plain_http_elsewhere_has_to_be_asked_for() -> None:
    """A network one trusts may do without TLS, but not by accident."""
    url = "http://192.168.1.5:8000"

    assert url == settings(public_url=url, allow_insecure_http=True).public_url


@pytest.mark.parametrize("name", ["trusted_proxies", "cors_origins"])
def test_a_wildcard_is_refused(name: str) -> None:
    """Neither every proxy nor every origin can be trusted."""
    with pytest.raises(ValidationError, match=r"\* is refused"):
        settings(**{name: "*"})


def test_lists_are_read_from_commas() -> None:
    """Environment variables hold text."""
    assert ["https://a.example", "https://b.example"] == settings(
        cors_origins="https://a.example, https://b.example"
    ).cors_origins


@pytest.mark.parametrize(
    ("values", "policy"),
    [
        ({}, "open"),
        ({"public_url": "https://podcasts.example.org"}, "invite"),
        ({"registration": "closed"}, "closed"),
    ],
)
def test_registration_is_open_only_on_this_machine(values: dict[str, object], policy: str) -> None:
    """A public instance admits nobody by itself."""
    assert policy == settings(**values).registration_policy


@pytest.mark.parametrize("client_id", ["change-me", "A" * 32, "me@example.org", "0" * 31])
def test_a_client_id_that_is_none_is_refused(client_id: str) -> None:
    """Secrets, placeholders and addresses are caught before Spotify sees them."""
    with pytest.raises(ValidationError, match="32 characters"):
        SpotifySettings.model_validate({"spotify_client_id": client_id})


def test_an_empty_client_id_is_none() -> None:
    """The line of the example file may stay as it is."""
    assert SpotifySettings.model_validate({"spotify_client_id": " "}).spotify_client_id is None


def test_tokens_can_be_sent_only_to_spotify_or_this_machine() -> None:
    """No setting can redirect tokens to a third party."""
    with pytest.raises(ValidationError, match="Spotify's own"):
        SpotifySettings.model_validate({"spotify_api_url": "https://spotify.example.org"})

    assert SpotifySettings.model_validate(
        {
            "spotify_api_url": "http://127.0.0.1:9000/v1",
            "spotify_accounts_url": "http://127.0.0.1:9000",
        }
    ).is_simulated


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]/", True),
        ("http://localhost", False),
        ("http://127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_literal_address(url: str, *, expected: bool) -> None:
    """Names can be made to point anywhere."""
    assert expected is is_loopback_url(url)

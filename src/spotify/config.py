"""Settings of the Spotify connection: app, addresses, limits and intervals."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from src.config import SETTINGS_FILE, is_loopback_url

API_URL = "https://api.spotify.com/v1"
ACCOUNTS_URL = "https://accounts.spotify.com"
CALLBACK_PATH = "/api/spotify/auth/callback"
SCOPES = ("user-library-read", "user-read-playback-position", "user-read-currently-playing")
CONSENT_LIFETIME = timedelta(days=180)
"""Spotify ends a grant six months after the user's consent (announced 2026-06-18)."""

_CLIENT_ID = re.compile(r"[0-9a-f]{32}")


class SpotifySettings(BaseSettings):
    """How Playhead talks to Spotify; read from the environment and `config.env`."""

    model_config = SettingsConfigDict(
        env_file=SETTINGS_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    spotify_client_id: str | None = None
    spotify_api_url: str = API_URL
    spotify_accounts_url: str = ACCOUNTS_URL
    spotify_calls_per_minute: Annotated[int, Field(ge=1, le=180)] = 180
    spotify_show_pages_per_day: Annotated[int, Field(ge=1, le=100_000)] = 500
    sync_processes: Annotated[int, Field(ge=1, le=60)] = 1
    sync_interval_hours: Annotated[int, Field(ge=1, le=24)] = 4
    first_sync_max_calls: Annotated[int, Field(ge=3, le=50)] = 50
    sync_max_calls: Annotated[int, Field(ge=3, le=50)] = 20
    user_calls_per_day: Annotated[int, Field(ge=3, le=10_000)] = 60

    @field_validator("spotify_client_id", mode="after")
    @classmethod
    def _looks_like_a_client_id(cls, value: str | None) -> str | None:
        """Catch a pasted secret, placeholder or e-mail before Spotify does."""
        if value is None or not value.strip():
            return None
        if not _CLIENT_ID.fullmatch(value.strip()):
            raise ValueError(
                "SPOTIFY_CLIENT_ID must be the 32 characters 0-9 a-f shown on your app's page "
                "at developer.spotify.com; no secret is needed"
            )
        return value.strip()

    @field_validator("spotify_api_url", "spotify_accounts_url", mode="after")
    @classmethod
    def _spotify_or_simulator(cls, value: str) -> str:
        """Tokens go to Spotify, or to a stand-in on this machine, and nowhere else."""
        clean = value.rstrip("/")
        if clean not in {API_URL, ACCOUNTS_URL} and not is_loopback_url(clean):
            raise ValueError("must be Spotify's own address or a simulator on 127.0.0.1")
        return clean

    @property
    def calls_per_minute_here(self) -> int:
        """This process's share of the calls a minute, 1 at least."""
        return max(1, self.spotify_calls_per_minute // self.sync_processes)

    @property
    def is_simulated(self) -> bool:
        """Whether both addresses are on this machine."""
        return is_loopback_url(self.spotify_api_url) and is_loopback_url(self.spotify_accounts_url)

"""Process settings: where data lives, how the service is reached, who may register."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SETTINGS_FILE = "config.env"


def is_loopback_url(url: str) -> bool:
    """Tell whether `url` names this machine by a literal loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def default_data_dir() -> Path:
    """Return the folder for data when none is set: `~/.local/share/playhead`."""
    return Path("~/.local/share/playhead").expanduser()


class Settings(BaseSettings):
    """Settings of one Playhead process, read from the environment and `config.env`.

    One machine needs none of them. Raises pydantic's `ValidationError` naming
    the setting and its cure when a value cannot be used.
    """

    model_config = SettingsConfigDict(
        env_file=SETTINGS_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    data_dir: Path = Field(default_factory=default_data_dir)
    database_url: str | None = None
    database_scheduler_url: str | None = None
    database_owner_url: SecretStr | None = None
    encryption_keys: SecretStr | None = None
    key_file: Path | None = None
    registration: Literal["auto", "closed", "invite", "open"] = "auto"
    allow_insecure_http: bool = False
    trusted_proxies: Annotated[list[str], NoDecode] = []
    cors_origins: Annotated[list[str], NoDecode] = []
    session_idle_days: Annotated[int, Field(ge=1, le=365)] = 14
    session_absolute_days: Annotated[int, Field(ge=1, le=365)] = 90
    import_limit_mib: Annotated[int, Field(ge=1, le=65_536)] = 2048
    disk_floor_mib: Annotated[int, Field(ge=0, le=1_048_576)] = 512
    password_hashing_threads: Annotated[int, Field(ge=1, le=16)] = 2
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    long_period_divisor: Annotated[int, Field(ge=1, le=100_000)] = 1

    @model_validator(mode="before")
    @classmethod
    def _reached_on_its_port(cls, values: dict[str, object]) -> dict[str, object]:
        """Without a PUBLIC_URL, people reach the service on this machine by its port."""
        return {"public_url": f"http://127.0.0.1:{values.get('port', 8000)}", **values}

    @field_validator("trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a comma-separated list."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("data_dir", "key_file", mode="after")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        """Read `~` as the home directory."""
        return value.expanduser() if value is not None else None

    @field_validator("public_url", mode="after")
    @classmethod
    def _one_origin(cls, value: str) -> str:
        """Demand a bare origin, since page and API share it."""
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("PUBLIC_URL must look like https://podcasts.example.org")
        if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("PUBLIC_URL must be an origin alone, without a path or user")
        if parts.hostname == "localhost":
            raise ValueError(
                "PUBLIC_URL must not say localhost, which Spotify refuses: write http://127.0.0.1"
            )
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _named_proxies(cls, value: list[str]) -> list[str]:
        """Refuse to believe everybody's forwarded headers."""
        if "*" in value:
            raise ValueError("TRUSTED_PROXIES must list the proxies' networks; * is refused")
        return value

    @field_validator("cors_origins", mode="after")
    @classmethod
    def _exact_origins(cls, value: list[str]) -> list[str]:
        """Refuse a wildcard: the API is used with cookies."""
        if "*" in value:
            raise ValueError("CORS_ORIGINS must list exact origins; * is refused")
        return value

    @model_validator(mode="after")
    def _encrypted_transport(self) -> "Settings":
        """Refuse plain http on anything but this machine, unless it was asked for."""
        plain = self.public_url.startswith("http://")
        if plain and not is_loopback_url(self.public_url) and not self.allow_insecure_http:
            raise ValueError(
                "PUBLIC_URL is plain http on another host: sign-ins would travel unprotected. "
                "Use https, or set ALLOW_INSECURE_HTTP=1 on a network you trust"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether people reach this service by a loopback address only."""
        return is_loopback_url(self.public_url)

    @property
    def registration_policy(self) -> Literal["closed", "invite", "open"]:
        """Who may register: `auto` is open on loopback and by invite elsewhere."""
        if self.registration == "auto":
            return "open" if self.is_local else "invite"
        return self.registration

    @property
    def effective_database_url(self) -> str:
        """The database's address; a SQLite file in the data folder when none is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'playhead.db'}"

    @property
    def effective_key_file(self) -> Path:
        """Where the encryption keys are kept when they are not in the environment."""
        return self.key_file or self.data_dir / "keys"

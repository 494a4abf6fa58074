"""What a simulator is built from; nothing here changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from simulator.clock import DEFAULT_START
from simulator.world.library import HISTORY_DAYS

DEFAULT_CLIENT_ID = "5137a7e0f00d4b0b9c0ffee0914ead00"
LOOPBACK_REDIRECTS = (
    "http://127.0.0.1/api/spotify/auth/callback",
    "http://[::1]/api/spotify/auth/callback",
)


class Mode(StrEnum):
    """What a registered app may do."""

    DEVELOPMENT = "development"
    EXTENDED = "extended"


class Bucket(StrEnum):
    """Groups of endpoints that share one daily quota of a developer account."""

    SHOW_PAGES = "show_pages"
    LIBRARY = "library"
    PLAYER = "player"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class App:
    """One registered app.

    Attributes:
        client_id: 32 hexadecimal digits.
        redirect_uris: Registered addresses. Exact match, except that a
            loopback literal without a port stands for every port.
        developer: Owner; all apps of one owner share its daily quota.
        allow_listed: How many listeners, from index 0, may use the app in
            development mode.
    """

    client_id: str = DEFAULT_CLIENT_ID
    redirect_uris: tuple[str, ...] = LOOPBACK_REDIRECTS
    developer: str = "developer"
    allow_listed: int = 5


@dataclass(frozen=True, slots=True)
class Quirks:
    """Oddities of the real service, each on or off from the start.

    Faults of the same name switch the last three on while it runs.

    Attributes:
        tombstones: Dead saved episodes arrive as objects full of nulls.
        missing_resume_points: One episode in a hundred lacks its resume point.
        null_devices: One listener in three plays on a device without an id.
        player_resume_zero: The player's item tells a resume position of 0.
        null_items: One item in a hundred of a page is null.
        rotation: A refresh hands out a new refresh token, the old one dies.
        plain_window: A full window answers in plain text without a header.
    """

    tombstones: bool = True
    missing_resume_points: bool = True
    null_devices: bool = True
    player_resume_zero: bool = True
    null_items: bool = False
    rotation: bool = False
    plain_window: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides how a simulator behaves.

    Attributes:
        seed: The world, the faults and the tokens all follow from it.
        epoch: The world's reference instant, aware UTC: everyone's library
            and listening is settled around it.
        mode: What the apps may do at the start.
        listeners: How many people live in the world, >= 1.
        shows: Size of the catalogue, >= 1.
        shows_per_listener: Shows in a library on average.
        history_days: Days of listening behind everyone at the epoch, >= 1.
        apps: Registered apps.
        quirks: Oddities of the real service.
        window_calls: Calls of one app accepted in any 30 s of wire time; 0
            means without end.
        quotas: Calls of one developer accepted in any 24 h of world time.
        error_rate: Share of Web API calls answered 404, 502 or 503 by chance.
    """

    seed: int = 1
    epoch: datetime = DEFAULT_START
    mode: Mode = Mode.DEVELOPMENT
    listeners: int = 5
    shows: int = 400
    shows_per_listener: int = 40
    history_days: int = HISTORY_DAYS
    apps: tuple[App, ...] = (App(),)
    quirks: Quirks = Quirks()
    window_calls: int = 300
    quotas: Mapping[Bucket, int] = field(
        default_factory=lambda: {
            Bucket.SHOW_PAGES: 600,
            Bucket.LIBRARY: 5_000,
            Bucket.PLAYER: 10_000,
            Bucket.CATALOGUE: 5_000,
        }
    )
    error_rate: float = 0.0

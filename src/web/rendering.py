"""Turning templates into replies: escaped, sealed by a policy, and never kept by caches."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from src.spotify.config import SpotifySettings
from src.spotify.library_schemas import SPOTIFY
from src.web import formats
from src.web.assets import asset_url

_COVERS = "https://i.scdn.co"
"""Where Spotify keeps cover art; its rules ask that it be shown as it comes from there."""


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "duration": formats.duration,
        "money": formats.money,
        "count": formats.count,
        "counted": formats.counted,
    }
    made.globals |= {"asset": asset_url, "spotify_site": SPOTIFY}
    return made


_TEMPLATES = _environment()


def _settings_of(request: Request) -> SpotifySettings:
    found: SpotifySettings = request.app.state.spotify.settings
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def cover_origins(settings: SpotifySettings) -> list[str]:
    """Return the origins cover art may come from: Spotify's, and a simulator's if one is set."""
    simulated = [_origin(settings.spotify_api_url)] if settings.is_simulated else []
    return [_COVERS, *simulated]


def cover(url: str | None, settings: SpotifySettings) -> str | None:
    """Return `url` if pages may show a picture from there, else None."""
    return url if url is not None and _origin(url) in cover_origins(settings) else None


def content_policy(settings: SpotifySettings) -> str:
    """Return the pages' Content-Security-Policy: nothing inline, nothing foreign but cover art."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' data: {' '.join(cover_origins(settings))}; "
        f"form-action 'self' {_origin(settings.spotify_accounts_url)}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def page(
    request: Request,
    template: str,
    context: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render a template as the reply to `request`.

    Args:
        request: Whose application's settings decide where pictures and forms may lead.
        template: File below `templates/`.
        context: What the template shows; a name it misses is an error.
        status: HTTP status.
        headers: More headers.
    """
    settings = _settings_of(request)
    text = _TEMPLATES.get_template(template).render(
        {"cover": partial(cover, settings=settings), **context}
    )
    sealed = {"Content-Security-Policy": content_policy(settings), "Cache-Control": "no-store"}
    return Response(
        text,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers=sealed | dict(headers or {}),
    )

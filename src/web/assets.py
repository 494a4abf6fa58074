"""Stylesheet, script and icons, served under names that hold their content's hash."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Response

from src.errors import NotFound

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: the name it is served under, its bytes and media type."""

    name: str
    body: bytes
    media_type: str


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    name = f"{path.stem}.{sha256(body).hexdigest()[:16]}{path.suffix}"
    return Asset(name, body, _TYPES[path.suffix])


_ASSETS = {path.name: _load(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}
_BY_SERVED_NAME = {asset.name: asset for asset in _ASSETS.values()}


def asset_url(name: str) -> str:
    """Return the path at which `name` of the static folder is served."""
    return f"/static/{_ASSETS[name].name}"


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Return a static file; browsers may keep it for good, since another content has another name.

    Raises:
        NotFound: No file has this name now.
    """
    found = _BY_SERVED_NAME.get(name)
    if found is None:
        raise NotFound("There is no such file; reload the page that named it.")
    return Response(found.body, media_type=found.media_type, headers={"Cache-Control": _FOR_GOOD})


@router.get("/favicon.ico")
async def favicon() -> Response:
    """Return the icon for browsers that ask by the old name."""
    icon = _ASSETS["icon.svg"]
    return Response(icon.body, media_type=icon.media_type, headers={"Cache-Control": _A_DAY})

"""Everything a browser asks for outside the API, as one router."""

from fastapi import APIRouter

from src.web import assets
from src.web.pages import calls, door, home, shows, syncing

router = APIRouter(include_in_schema=False)
for part in (assets.router, home.router, door.router, syncing.router, shows.router, calls.router):
    router.include_router(part)

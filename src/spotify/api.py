"""Every endpoint of the Spotify room: connection, library and sync."""

from fastapi import APIRouter

from src.spotify.routes import connection, library, sync

router = APIRouter()
for part in (connection.router, library.router, sync.router):
    router.include_router(part)

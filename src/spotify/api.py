"""Every endpoint of the Spotify room: connection and library."""

from fastapi import APIRouter

from src.spotify.routes import connection, library

router = APIRouter()
for part in (connection.router, library.router):
    router.include_router(part)

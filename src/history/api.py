"""Every endpoint of the history room."""

from fastapi import APIRouter

from src.history.routes import coverage, listing, statistics

router = APIRouter()
for part in (listing.router, statistics.router, coverage.router):
    router.include_router(part)

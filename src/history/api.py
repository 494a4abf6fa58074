"""Every endpoint of the history room."""

from fastapi import APIRouter

from src.history.routes import coverage, imports, listing, statistics, uploads

router = APIRouter()
for part in (
    listing.router,
    statistics.router,
    coverage.router,
    imports.router,
    uploads.router,
):
    router.include_router(part)

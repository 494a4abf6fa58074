"""Every endpoint of the history room."""

from fastapi import APIRouter

from src.history.routes import coverage, edits, imports, listing, statistics, uploads

router = APIRouter()
for part in (
    listing.router,
    statistics.router,
    coverage.router,
    imports.router,
    uploads.router,
    edits.router,
):
    router.include_router(part)

"""Whether this process lives and can serve, for those who watch over it."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from src.operations.starting import readiness
from src.utils.circuit_breaker import get_circuit_breaker

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """Answer while the process runs; asks nothing else."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Tell whether requests can be served: 200, or 503 when database or keys are not there.

    Spotify's state is told too but decides nothing: what is stored can be read without it.
    """
    found = await readiness(request.app.state.runtime)
    if not all(found.values()):
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    checks = {name: "ok" if fine else "failed" for name, fine in found.items()}
    return {
        "status": "ok" if all(found.values()) else "failed",
        "checks": checks,
        "spotify": get_circuit_breaker("spotify_api").get_stats()["state"],
    }

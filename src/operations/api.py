"""Whether this process lives and can serve, for those who watch over it."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from src.operations.schemas import Check, Liveness, Readiness
from src.operations.starting import readiness
from src.utils.circuit_breaker import get_circuit_breaker

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Liveness:
    """Answer while the process runs; asks nothing else."""
    return Liveness()


_NOT_READY = {"model": Readiness, "description": "Database or keys are not there"}


@router.get("/ready", responses={503: _NOT_READY})
async def ready(request: Request, response: Response) -> Readiness:
    """Tell whether requests can be served: 200, or 503 when database or keys are not there.

    Spotify's state is told too but decides nothing: what is stored can be read without it.
    """
    found = await readiness(request.app.state.runtime)
    all_fine = all(found.values())
    if not all_fine:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    checks: dict[str, Check] = {name: "ok" if fine else "failed" for name, fine in found.items()}
    return Readiness(
        status="ok" if all_fine else "failed",
        checks=checks,
        spotify=get_circuit_breaker("spotify_api").get_stats()["state"],
    )

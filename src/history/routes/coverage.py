"""Endpoint that tells what is known of which time."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel

from src.auth import RuntimeDep, SessionDep, UserDep, require_scope
from src.history.coverage_report import HOUR_S, coverage
from src.history.coverage_schemas import CoverageReply
from src.history.queries.coverage import first_covered, last_sync
from src.history.queries.events import version_of
from src.history.routes.asking import From, To, second_of, zone_of
from src.history.statistics import record_of
from src.spotify.queries.connection import connection_of

router = APIRouter(
    prefix="/api/history", tags=["history"], dependencies=[Depends(require_scope("read"))]
)

_UNCHANGED = {"description": "Nothing has changed since the reply with that `ETag`."}


class CoverageAsked(BaseModel):
    """Which time; by default from the first thing known to the present hour."""

    from_: From = None
    to: To = None


@router.get("/coverage", responses={304: _UNCHANGED}, response_model=CoverageReply)
async def get_coverage(
    session: SessionDep,
    user: UserDep,
    runtime: RuntimeDep,
    response: Response,
    *,
    asked: Annotated[CoverageAsked, Query()],
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> CoverageReply | Response:
    """Tell for every day whether your listening is known exactly, inferred or not known, and why.

    What lies in the future is left out. Send the `ETag` of a reply as `If-None-Match` to be
    answered 304 while nothing has changed.
    """
    zone, now_s = zone_of(user), int(runtime.clock.now().timestamp())
    from_s, to_s = second_of(asked.from_, zone), second_of(asked.to, zone)
    if from_s is None:
        first_s, _ = await record_of(session, user_id=user.id, zone=zone, now_s=now_s)
        covered_s = await first_covered(session, user_id=user.id)
        from_s = first_s if covered_s is None else min(first_s, covered_s)
    to_s = now_s // HOUR_S * HOUR_S if to_s is None else min(to_s, now_s)
    version = await version_of(session, user_id=user.id)
    connection = await connection_of(session, user_id=user.id)
    synced_at = await last_sync(session, user_id=user.id)
    state = (zone.key, from_s, to_s, version, connection and connection.state, synced_at)
    tag = f'"{sha256(repr(state).encode()).hexdigest()[:32]}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return await coverage(
        session, user_id=user.id, zone=zone, from_s=from_s, to_s=to_s, now_s=now_s
    )

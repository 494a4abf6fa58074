"""The first page: the door for who is not signed in, the steps, or the library."""

from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from src.auth import CurrentUser
from src.spotify.connecting import redirect_uri
from src.spotify.errors import OtherAccount
from src.spotify.queries import sync as runs
from src.users.browsers import safe_next
from src.users.schemas import Notice
from src.web.arrivals import arrival_notice
from src.web.forms import FormState
from src.web.overview import Overview, Search, notices, overview
from src.web.pages.door import door
from src.web.rendering import page
from src.web.run_words import end_of, found_by, progress_of, progress_to_come, trigger_of
from src.web.visitors import RuntimeDep, VisitorDep, spotify_of, times_of

router = APIRouter(include_in_schema=False)

SEE_OTHER = 303


@router.get("/")
async def home(request: Request, user: VisitorDep) -> Response:
    """Show the page that fits: sign-in, the steps to connect, or the library.

    `signed_in` says that a form just gave a cookie: if it came back, the person
    goes on to `next`, a path on this site; if not, they are told that it was lost.
    """
    arrived = "signed_in" in request.query_params
    if user is None:
        return await door(request, cookie_lost=arrived)
    if arrived or "next" in request.query_params:
        target = safe_next(request.query_params.get("next"))
        return RedirectResponse(target, status_code=SEE_OTHER)
    return await signed_in_page(request, user)


async def signed_in_page(
    request: Request,
    user: CurrentUser,
    *,
    schedule: FormState | None = None,
    disconnect: FormState | None = None,
    failed: Notice | None = None,
    status: int = 200,
) -> Response:
    """Render the first page of a person who is signed in.

    Whoever came back from Spotify with another account than the connected one is
    asked which of the two it is to be.

    Args:
        request: The request.
        user: Who looks.
        schedule: The schedule form as it was sent, if something was wrong with it.
        disconnect: The form to disconnect, likewise.
        failed: What did not work, told above everything else.
        status: HTTP status.
    """
    spotify, search = spotify_of(request), Search.of(request)
    async with spotify.runtime.database.transaction(user.id, write=False) as session:
        told = await notices(request, session, user)
        found = await overview(request, session, user, search=search)
    arrival = failed or arrival_notice(request.query_params)
    context: dict[str, object] = {
        "user": user,
        "times": times_of(request, user),
        "notices": [*([arrival] if arrival else []), *told],
        "first_sync_max_calls": spotify.settings.first_sync_max_calls,
    }
    if found is None:
        context["configured"] = spotify.settings.spotify_client_id is not None
        context["redirect_uri"] = redirect_uri(spotify)
        return page(request, "connect.html", context, status=status)
    if request.query_params.get("connect_error") == OtherAccount.code:
        context |= {"view": found, "disconnect_form": disconnect or FormState()}
        context["notices"] = [failed] if failed else []
        return page(request, "other_account.html", context, status=status)
    context |= {
        "here": "home",
        "today": spotify.runtime.clock.now().astimezone(ZoneInfo(user.time_zone)),
        "lead": lead(found),
        "view": found,
        "search": search,
        "progress": _progress(found),
        "comes_again": status == HTTPStatus.OK,
        "again": f"/?{request.url.query}" if request.url.query and not arrival else "/",
        "end_of": end_of,
        "found_by": found_by,
        "trigger_of": trigger_of,
        "default_hours": spotify.settings.sync_interval_hours,
        "schedule_form": schedule or FormState(),
        "disconnect_form": disconnect or FormState(),
    }
    return page(request, "home.html", context, status=status)


def _progress(found: Overview) -> dict[str, Any] | None:
    """Return the live fields while a run is under way, or the first one about to begin."""
    if found.run is not None:
        return progress_of(found.run)
    return progress_to_come() if found.is_beginning else None


def lead(found: Overview) -> str:
    """Return the one sentence that tells whether it is working."""
    if not found.is_active:
        return "Syncing has stopped. Your library stays readable."
    if found.run is not None or found.is_beginning:
        return "A sync is under way."
    if found.parked_until is not None:
        return "Spotify's daily quota is used up; we wait and then go on."
    if found.schedule is not None and found.schedule.paused:
        return "Syncing is paused, as you set it."
    if found.schedule is not None and found.schedule.failures:
        return "The last sync did not get through. It is tried again by itself."
    return "Everything is working."


@router.get("/progress")
async def progress(user: VisitorDep, runtime: RuntimeDep) -> Response:
    """Return the run under way in the page's words, 204 when there is none.

    The script asks for it whenever the event stream says that something changed,
    so that words and figures are made in one place.
    """
    if user is None:
        return Response(status_code=204)
    async with runtime.database.transaction(user.id, write=False) as session:
        run = await runs.open_run(session, user_id=user.id)
    if run is None:
        return Response(status_code=204)
    return JSONResponse(progress_of(run), headers={"Cache-Control": "no-store"})

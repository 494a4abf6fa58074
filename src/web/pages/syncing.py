"""The forms about Spotify: connect, sync now, the schedule, disconnect."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field

from src.auth import CurrentUser
from src.errors import PlayheadError
from src.spotify import connecting, scheduling
from src.users.schemas import Notice
from src.web.forms import FormInvalid, FormState, form_values, parsed
from src.web.pages.door import not_signed_in
from src.web.pages.home import SEE_OTHER, signed_in_page
from src.web.visitors import SpotifyDep, VisitorDep

router = APIRouter(include_in_schema=False)

DISCONNECT_WORD = "disconnect"


class ScheduleForm(BaseModel):
    """The schedule as the form sends it; an empty interval means this Playhead's own."""

    interval_hours: Annotated[
        Annotated[int, Field(ge=1, le=24)] | None, BeforeValidator(lambda text: text or None)
    ] = None
    paused: bool = False


@router.post("/connect")
async def connect_form(request: Request, user: VisitorDep, spotify: SpotifyDep) -> Response:
    """Begin a sign-in at Spotify and send the browser there."""
    if user is None:
        return await not_signed_in(request)
    try:
        begun = await connecting.begin(spotify, user_id=user.id, session_id=user.session_id)
    except PlayheadError as error:
        return await _refused(request, user, error)
    return RedirectResponse(begun.url, status_code=SEE_OTHER)


@router.post("/sync")
async def sync_form(request: Request, user: VisitorDep, spotify: SpotifyDep) -> Response:
    """Ask for a sync now; while one is under way, that one counts."""
    if user is None:
        return await not_signed_in(request)
    try:
        async with spotify.runtime.database.transaction(user.id) as session:
            await scheduling.request_run(spotify.runtime, session, user_id=user.id)
    except PlayheadError as error:
        return await _refused(request, user, error)
    spotify.bell.ring()
    return RedirectResponse("/", status_code=SEE_OTHER)


@router.post("/schedule")
async def schedule_form(request: Request, user: VisitorDep, spotify: SpotifyDep) -> Response:
    """Set how often this person's library is synced, and whether at all."""
    if user is None:
        return await not_signed_in(request)
    try:
        form = parsed(
            ScheduleForm, await form_values(request), labels={"interval_hours": "The interval"}
        )
        async with spotify.runtime.database.transaction(user.id) as session:
            await scheduling.set_schedule(
                spotify.runtime,
                session,
                user_id=user.id,
                interval_hours=form.interval_hours,
                paused=form.paused,
                default_hours=spotify.settings.sync_interval_hours,
            )
    except FormInvalid as error:
        state = FormState(errors=error.errors, error=error.message, status=error.status)
        return await signed_in_page(request, user, schedule=state, status=error.status)
    except PlayheadError as error:
        return await _refused(request, user, error)
    spotify.bell.ring()
    return RedirectResponse("/?saved=1#settings", status_code=SEE_OTHER)


@router.post("/disconnect")
async def disconnect_form(request: Request, user: VisitorDep, spotify: SpotifyDep) -> Response:
    """Delete the connection and all that came by it, once the word was typed."""
    if user is None:
        return await not_signed_in(request)
    if (unsure := await _unsure(request, user)) is not None:
        return unsure
    await connecting.disconnect(spotify, user_id=user.id)
    return RedirectResponse("/?disconnected=1", status_code=SEE_OTHER)


@router.post("/change-account")
async def change_account_form(request: Request, user: VisitorDep, spotify: SpotifyDep) -> Response:
    """Delete the connection and all that came by it, then begin to connect another account.

    The one way to another account: what one of them told never meets what the other tells.
    """
    if user is None:
        return await not_signed_in(request)
    if (unsure := await _unsure(request, user)) is not None:
        return unsure
    await connecting.disconnect(spotify, user_id=user.id)
    return await connect_form(request, user, spotify)


async def _unsure(request: Request, user: CurrentUser) -> Response | None:
    """Return the page again unless the word that goes before deleting was typed."""
    try:
        typed = (await form_values(request)).get("word", "").strip().lower()
    except FormInvalid as error:
        return await _refused(request, user, error)
    if typed == DISCONNECT_WORD:
        return None
    sentence = f"Type {DISCONNECT_WORD} here; nothing was deleted."
    state = FormState(errors={"word": sentence}, status=422)
    return await signed_in_page(request, user, disconnect=state, status=state.status)


async def _refused(request: Request, user: CurrentUser, error: PlayheadError) -> Response:
    told = Notice(kind="stop", head=error.title, text=error.message)
    return await signed_in_page(request, user, failed=told, status=error.status)

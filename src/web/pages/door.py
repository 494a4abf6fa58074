"""The door: signing in, opening an account, signing out."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from src.auth import (
    begin_session,
    caller_of,
    cookie_name,
    keep_signed_in,
    passwords_of,
    runtime_of,
)
from src.errors import PlayheadError
from src.users import queries, service, sign_in
from src.users.browsers import safe_next
from src.users.errors import PasswordRefused, UsernameTaken
from src.users.models import User
from src.users.schemas import Login, Registration, canonical_name
from src.utils.types import UserId
from src.web.forms import FormInvalid, FormState, form_values, parsed
from src.web.rendering import page

router = APIRouter(include_in_schema=False)

_SEE_OTHER = 303
_LABELS = {"username": "The name", "password": "The password", "setup_code": "The set-up code"}
_FIELD_OF: dict[type[PlayheadError], str] = {UsernameTaken: "username", PasswordRefused: "password"}
_SIGNED_OUT = "You are not signed in any more, so nothing was changed. Sign in and do it again."


async def door(
    request: Request,
    *,
    login: FormState | None = None,
    registration: FormState | None = None,
    cookie_lost: bool = False,
) -> Response:
    """Render the page for who is not signed in.

    Args:
        request: Its query may carry `next`, `setup_code` or `invite`.
        login: The sign-in form as it was sent, if something was wrong with it.
        registration: The form for a new account, likewise.
        cookie_lost: Whether a cookie was given a moment ago and did not come back.
    """
    runtime = runtime_of(request)
    settings, query = runtime.settings, request.query_params
    async with runtime.database.shared() as session:
        found = await queries.installation(session)
    owned = found is not None and found.owned
    sent = registration.values if registration else {}
    codes = {name: sent.get(name) or query.get(name, "")[:128] for name in ("setup_code", "invite")}
    free = settings.registration_policy == "open" and (owned or settings.is_local)
    shown = login or registration or FormState()
    context = {
        "owned": owned,
        "may_register": free or any(codes.values()) or registration is not None,
        "policy": settings.registration_policy,
        "codes": {name: code for name, code in codes.items() if code},
        "next": safe_next((login or FormState()).values.get("next") or query.get("next")),
        "login": login or FormState(),
        "registration": registration or FormState(),
        "cookie_lost": cookie_lost,
        "insecure": settings.allow_insecure_http and not settings.public_url.startswith("https://"),
    }
    return page(request, "door.html", context, status=shown.status, headers=shown.headers)


async def not_signed_in(request: Request) -> Response:
    """Answer a form of somebody who is not signed in: 401, and the way in."""
    return await door(request, login=FormState(error=_SIGNED_OUT, status=401))


@router.post("/sign-in")
async def sign_in_form(request: Request) -> Response:
    """Sign in and go on to `next`, a path on this site."""
    values: dict[str, str] = {}
    try:
        values = await form_values(request)
        form = parsed(Login, _only(values, "username", "password"), labels=_LABELS)
        name = canonical_name(form.username)
        user = await service.prove_password(
            runtime_of(request),
            passwords_of(request),
            name=name,
            password=form.password,
            caller=caller_of(request, name=name),
        )
    except PlayheadError as error:
        return await door(request, login=_failed(values, error, keep=("username", "next")))
    return await _signed_in(request, user, target=safe_next(values.get("next")))


@router.post("/register")
async def register_form(request: Request) -> Response:
    """Open an account, sign in with it, and show the first page."""
    values: dict[str, str] = {}
    try:
        values = await form_values(request)
        user = await service.register(
            runtime_of(request),
            passwords_of(request),
            _registration(values),
            address=caller_of(request).address,
        )
    except PlayheadError as error:
        kept = ("username", "setup_code", "invite", "time_zone")
        return await door(request, registration=_failed(values, error, keep=kept))
    return await _signed_in(request, user, target="/")


@router.post("/sign-out")
async def sign_out_form(request: Request) -> Response:
    """End the browser's session, whether it still held or not."""
    runtime = runtime_of(request)
    response = RedirectResponse("/", status_code=_SEE_OTHER)
    secret = request.cookies.get(cookie_name(runtime.settings))
    if secret and (user_id := await sign_in.end_session(runtime, secret=secret)):
        request.state.user_id = user_id
    keep_signed_in(response, runtime.settings, None)
    return response


def _registration(values: dict[str, str]) -> Registration:
    """Read the form; a zone that the browser knows and we do not is UTC until it is set."""
    wanted = _only(values, "username", "password", "time_zone", "setup_code", "invite")
    try:
        return parsed(Registration, wanted, labels=_LABELS)
    except FormInvalid as error:
        if "time_zone" not in error.errors:
            raise
    return parsed(Registration, {**wanted, "time_zone": "UTC"}, labels=_LABELS)


def _only(values: dict[str, str], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name)}


def _failed(values: dict[str, str], error: PlayheadError, *, keep: tuple[str, ...]) -> FormState:
    """Return the form to show again, with the sentence where it belongs."""
    state = FormState(
        values={name: values[name] for name in keep if name in values},
        status=error.status,
        retry_after_s=error.retry_after_s,
    )
    if isinstance(error, FormInvalid) and error.errors:
        return replace(state, errors=error.errors)
    if (field := _FIELD_OF.get(type(error))) is not None:
        return replace(state, errors={field: error.message})
    return replace(state, error=error.message)


async def _signed_in(request: Request, user: User, *, target: str) -> Response:
    """Give the cookie, and look on the next page whether it came back."""
    query = urlencode({"signed_in": 1} | ({} if target == "/" else {"next": target}))
    response = RedirectResponse(f"/?{query}", status_code=_SEE_OTHER)
    request.state.user_id = UserId(user.id)
    await begin_session(request, response, user_id=UserId(user.id), name=user.name)
    return response

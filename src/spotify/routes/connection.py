"""Endpoints that connect a Spotify account, show the connection and end it."""

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import Field, SecretStr

from src.auth import OptionalUserDep, SessionDep, UserDep, require_scope
from src.errors import PlayheadError
from src.spotify import connecting
from src.spotify.config import CALLBACK_PATH
from src.spotify.connection_schemas import ConnectionReply, SignInReply
from src.spotify.errors import StateInvalid
from src.spotify.notices import consent_days_left, consent_ends_at
from src.spotify.queries.connection import connection_of
from src.spotify.service import Spotify
from src.users.sign_in import CurrentUser
from src.utils.text import CleanText

router = APIRouter(prefix="/api/spotify", tags=["connection"])

_SEE_OTHER = 303
_CONFIRM_PATH = f"{CALLBACK_PATH}/confirm"

Code = Annotated[CleanText, Field(max_length=2048, description="What Spotify sent back")]
State = Annotated[CleanText, Field(max_length=512, description="What came back with it")]


def spotify_of(request: Request) -> Spotify:
    """Return the Spotify parts of this application."""
    found: Spotify = request.app.state.spotify
    return found


SpotifyDep = Annotated[Spotify, Depends(spotify_of)]


def single_parameters(request: Request) -> None:
    """Refuse a parameter that is given twice: which one counts would be anybody's guess."""
    names = [name for name, _ in request.query_params.multi_items()]
    _demand("query", {name: "was given more than once" for name in names if names.count(name) > 1})


def _demand(place: str, wrong: dict[str, str]) -> None:
    if wrong:
        raise RequestValidationError(
            [
                {"type": "value_error", "loc": (place, name), "msg": words, "input": None}
                for name, words in wrong.items()
            ]
        )


@router.get("/auth/url", dependencies=[Depends(require_scope("account"))])
async def auth_url(user: UserDep, spotify: SpotifyDep) -> SignInReply:
    """Begin a sign-in at Spotify: send the user's browser to `url` within ten minutes.

    Asked for in a browser session, it can be finished in that session alone.
    Asked for with a bearer token, the user confirms it in a signed-in browser.
    """
    begun = await connecting.begin(spotify, user_id=user.id, session_id=user.session_id)
    return SignInReply(url=begun.url, expires_at=begun.expires_at)


@router.get(
    "/auth/callback",
    status_code=_SEE_OTHER,
    response_class=RedirectResponse,
    responses={
        200: {
            "description": "A page that asks for a press on *Connect*, if a program began this",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
    dependencies=[Depends(single_parameters)],
)
async def callback(
    *,
    request: Request,
    user: OptionalUserDep,
    spotify: SpotifyDep,
    code: Annotated[Code | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    error: Annotated[Annotated[CleanText, Field(max_length=200)] | None, Query()] = None,
) -> Response:
    """Receive a browser that comes back from Spotify, and send it to a clean address.

    `/?connected=1` when it worked; `/?connect_error=` with a code when it did
    not, or problem details for programs. Whoever is not signed in here signs in
    first; nothing is used up until then.
    """
    if user is None:
        target = f"{request.url.path}?{request.url.query}"
        return _to(f"/?next={quote(target, safe='')}")
    if error is not None:
        return _to_error("access_denied" if error == "access_denied" else "spotify_grant_refused")
    _demand(
        "query",
        {name: "is missing" for name, value in (("code", code), ("state", state)) if not value},
    )
    came = _Came(code=code or "", state=state or "", confirmed=False)
    if user.session_id is not None and await connecting.awaits_confirmation(
        spotify, state=came.state, user_id=user.id
    ):
        return _confirmation(request, came, user)
    return await _finish(request, spotify, user=user, came=came)


@router.post("/auth/callback/confirm", status_code=_SEE_OTHER, response_class=RedirectResponse)
async def confirm(
    request: Request,
    user: UserDep,
    spotify: SpotifyDep,
    code: Annotated[Code, Form()],
    state: Annotated[State, Form()],
) -> Response:
    """Finish a sign-in that a program began, by a person's press on Connect Spotify."""
    came = _Came(code=code, state=state, confirmed=True)
    return await _finish(request, spotify, user=user, came=came)


class _Came:
    """What a browser brought back from Spotify."""

    def __init__(self, *, code: str, state: str, confirmed: bool) -> None:
        self.code = SecretStr(code)
        self.state = state
        self.confirmed = confirmed


async def _finish(
    request: Request, spotify: Spotify, *, user: CurrentUser, came: _Came
) -> Response:
    try:
        if user.session_id is None:
            raise StateInvalid  # a program cannot press Connect
        await connecting.finish(
            spotify,
            code=came.code,
            state=came.state,
            user_id=user.id,
            session_id=user.session_id,
            confirmed=came.confirmed,
        )
    except PlayheadError as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _to_error(error.code)
    return _to("/?connected=1")


def _to(target: str) -> Response:
    return RedirectResponse(target, status_code=_SEE_OTHER)


def _to_error(code: str) -> Response:
    return _to(f"/?{urlencode({'connect_error': code})}")


def _confirmation(request: Request, came: _Came, user: CurrentUser) -> Response:
    """Ask for a press, on a page of the site's own, which lies above this room."""
    shown: Response = request.app.state.confirmation(
        request,
        name=user.name,
        action=_CONFIRM_PATH,
        code=came.code.get_secret_value(),
        state=came.state,
    )
    return shown


@router.get("/connection", dependencies=[Depends(require_scope("read"))])
async def connection(user: UserDep, session: SessionDep, spotify: SpotifyDep) -> ConnectionReply:
    """Return whether and how your Spotify account is connected, and how long consent lasts."""
    configured = spotify.settings.spotify_client_id is not None
    row = await connection_of(session, user_id=user.id)
    if row is None:
        return ConnectionReply(state="not_connected", configured=configured)
    fields: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("state", "reason", "display_name", "connected_at", "consented_at")
    }
    return ConnectionReply(
        **fields,
        configured=configured,
        consent_ends_at=consent_ends_at(spotify.runtime, row),
        consent_days_left=consent_days_left(spotify.runtime, row),
    )


@router.delete("/connection", status_code=204, dependencies=[Depends(require_scope("account"))])
async def disconnect(user: UserDep, spotify: SpotifyDep) -> Response:
    """Disconnect Spotify, deleting its tokens and all that its API told of you, at once.

    Costs stay on record, and so does what you imported. Safe to repeat.
    """
    await connecting.disconnect(spotify, user_id=user.id)
    return Response(status_code=204)

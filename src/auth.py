"""Who is asking: sign-in routes, and the dependencies every other route is guarded by."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from src.config import Settings
from src.database import Session
from src.runtime import Runtime
from src.users import queries, service, sign_in
from src.users.browsers import bearer_in, cookie_name, device_cookie_name, is_secure
from src.users.devices import DEVICE_LASTS, Devices
from src.users.errors import (
    NotSignedIn,
    Reauthenticate,
    RequestsLimited,
    ScopeNotGranted,
    SignedOut,
)
from src.users.models import ApiToken
from src.users.passwords import Passwords
from src.users.schemas import (
    Login,
    LoginReply,
    MeReply,
    NewToken,
    NewTokenReply,
    PasswordChange,
    ProfileChange,
    Registration,
    Scope,
    TokenReply,
    UserReply,
    canonical_name,
)
from src.users.sign_in import Credential, CurrentUser
from src.users.throttle import Caller
from src.utils.text import RowId
from src.utils.types import UserId

__all__ = [
    "CurrentUser",
    "OptionalUserDep",
    "ProvedUserDep",
    "SessionDep",
    "UserDep",
    "begin_session",
    "caller_of",
    "cookie_name",
    "get_session",
    "keep_signed_in",
    "optional_user",
    "passwords_of",
    "require_scope",
    "router",
    "runtime_of",
]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def runtime_of(request: Request) -> Runtime:
    """Return what the application runs on."""
    found: Runtime = request.app.state.runtime
    return found


def passwords_of(request: Request) -> Passwords:
    """Return the application's one password hasher."""
    found: Passwords = request.app.state.passwords
    return found


RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
PasswordsDep = Annotated[Passwords, Depends(passwords_of)]


def keep_signed_in(response: Response, settings: Settings, secret: str | None) -> None:
    """Give the browser its session cookie, or with None take it away."""
    lasts_s = settings.session_absolute_days * 86_400 if secret else 0
    _set_cookie(response, settings, name=cookie_name(settings), value=secret or "", lasts_s=lasts_s)


def _set_cookie(
    response: Response, settings: Settings, *, name: str, value: str, lasts_s: int
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=lasts_s,
        path="/",
        secure=is_secure(settings),
        httponly=True,
        samesite="lax",
    )


def caller_of(request: Request, *, name: str = "") -> Caller:
    """Return where the request comes from, and whether its browser is one `name` has used.

    Proxies of ours are already looked through.
    """
    runtime = runtime_of(request)
    mark = request.cookies.get(device_cookie_name(runtime.settings))
    return Caller(
        address=request.client.host if request.client is not None else "unknown",
        is_known=Devices(runtime).knows(name, mark),
    )


def _credential(request: Request) -> Credential:
    """Read what the request proves itself by; a bearer token makes cookies count for nothing."""
    if (bearer := bearer_in(request.headers.get("authorization"))) is not None:
        return Credential(bearer, is_bearer=True)
    cookie = request.cookies.get(cookie_name(runtime_of(request).settings))
    if not cookie:
        raise NotSignedIn
    return Credential(cookie, is_bearer=False)


async def get_session(request: Request) -> AsyncIterator[Session]:
    """Open the request's transaction for the user who asks; it commits before the reply leaves.

    Reads only for safe methods. Not for routes that call the network: they take
    `UserDep` and open short transactions of their own.

    Raises:
        NotSignedIn: There is neither cookie nor token.
        SignedOut: The cookie's session is over.
        TokenInvalid: The token is not accepted.
    """
    runtime, write = runtime_of(request), request.method not in _SAFE
    user: CurrentUser | None = getattr(request.state, "user", None)
    if user is not None:
        async with runtime.database.transaction(user.id, write=write) as session:
            yield session
        return
    credential = _credential(request)
    async with runtime.database.keyed(credential.key, write=write) as session:
        user = _remember(request, await sign_in.identify(runtime, session, credential))
        yield session
    await sign_in.note_use(runtime, user)


async def current_user(request: Request) -> CurrentUser:
    """Return who asks, without holding a transaction open.

    Raises:
        NotSignedIn: There is neither cookie nor token.
        SignedOut: The cookie's session is over.
        TokenInvalid: The token is not accepted.
    """
    known: CurrentUser | None = getattr(request.state, "user", None)
    if known is not None:
        return known
    runtime, credential = runtime_of(request), _credential(request)
    async with runtime.database.keyed(credential.key) as session:
        user = _remember(request, await sign_in.identify(runtime, session, credential))
    await sign_in.note_use(runtime, user)
    return user


def _remember(request: Request, user: CurrentUser) -> CurrentUser:
    request.state.user = user
    request.state.user_id = user.id
    if request.url.path.startswith("/api/"):
        _count(request, user)
    return user


def _count(request: Request, user: CurrentUser) -> None:
    """Count a request against its user's rate; opening streams has a rate of its own."""
    is_stream = request.url.path.endswith("/events")
    allowance = request.app.state.request_rates.ask((user.id, is_stream))
    request.state.allowance = allowance
    if not allowance.admitted:
        raise RequestsLimited(retry_after_s=allowance.next_in_s)


SessionDep = Annotated[Session, Depends(get_session, scope="function")]
UserDep = Annotated[CurrentUser, Depends(current_user)]


async def optional_user(request: Request) -> CurrentUser | None:
    """Return who asks, or None; for pages that lead to the sign-in."""
    try:
        return await current_user(request)
    except (NotSignedIn, SignedOut):
        return None


OptionalUserDep = Annotated[CurrentUser | None, Depends(optional_user)]


def require_scope(scope: str) -> Callable[..., Awaitable[CurrentUser]]:
    """Return a dependency that demands `scope` of a bearer token; sessions have all.

    Raises:
        ScopeNotGranted: The token lacks it.
    """
    needed = Scope(scope)

    async def demand(user: UserDep) -> CurrentUser:
        if not user.may(needed):
            raise ScopeNotGranted(needed)
        return user

    return demand


async def recently_proved(request: Request, user: UserDep) -> CurrentUser:
    """Demand a browser session whose password was given within ten minutes.

    Raises:
        Reauthenticate: It was longer ago, or a token asks.
    """
    now = runtime_of(request).clock.now()
    if user.proved_at is None or user.proved_at + sign_in.PROOF_LASTS <= now:
        raise Reauthenticate
    return user


ProvedUserDep = Annotated[CurrentUser, Depends(recently_proved)]

router = APIRouter(prefix="/api/auth", tags=["auth"])
_read = Depends(require_scope(Scope.READ))
_account = Depends(require_scope(Scope.ACCOUNT))


@router.post("/register", status_code=201)
async def register(
    form: Registration, request: Request, runtime: RuntimeDep, passwords: PasswordsDep
) -> UserReply:
    """Open an account. The first one owns this Playhead; sign in with it next."""
    made = await service.register(runtime, passwords, form, address=caller_of(request).address)
    return UserReply.model_validate(made)


@router.post("/login")
async def login(
    form: Login, request: Request, response: Response, runtime: RuntimeDep, passwords: PasswordsDep
) -> LoginReply:
    """Sign in. Sets the session cookie; with `token` a bearer token for 30 days comes too."""
    name = canonical_name(form.username)
    user = await service.prove_password(
        runtime, passwords, name=name, password=form.password, caller=caller_of(request, name=name)
    )
    user_id = UserId(user.id)
    request.state.user_id = user_id
    await begin_session(request, response, user_id=user_id, name=name)
    bearer = None
    if form.token:
        async with runtime.database.transaction(user_id) as session:
            _, bearer = await sign_in.make_token(
                runtime,
                session,
                user_id=user_id,
                name="sign-in",
                scopes=sign_in.LOGIN_SCOPES,
                lasts=sign_in.LOGIN_TOKEN_LASTS,
            )
    return LoginReply(user=UserReply.model_validate(user), token=bearer)


async def begin_session(
    request: Request, response: Response, *, user_id: UserId, name: str
) -> None:
    """Sign the browser in under a new cookie; the one it had is worth nothing from now on.

    It is known from now on as one that `name` (canonical) has used.
    """
    runtime = runtime_of(request)
    secret = await sign_in.begin_session(
        runtime,
        user_id=user_id,
        user_agent=request.headers.get("user-agent", ""),
        replaces=request.cookies.get(cookie_name(runtime.settings)),
    )
    keep_signed_in(response, runtime.settings, secret)
    _set_cookie(
        response,
        runtime.settings,
        name=device_cookie_name(runtime.settings),
        value=Devices(runtime).mark(name),
        lasts_s=int(DEVICE_LASTS.total_seconds()),
    )


@router.post("/logout", status_code=204)
async def logout(request: Request, runtime: RuntimeDep) -> Response:
    """Sign out: ends the browser session, or the bearer token that asks."""
    response = Response(status_code=204)
    credential = _credential(request)
    if credential.is_bearer:
        user = await current_user(request)
        async with runtime.database.transaction(user.id) as session:
            await sign_in.end_token(runtime, session, user_id=user.id, token_id=user.token_id or 0)
        return response
    if user_id := await sign_in.end_session(runtime, secret=credential.secret):
        request.state.user_id = user_id
    keep_signed_in(response, runtime.settings, None)
    return response


@router.post("/password", status_code=204)
async def change_password(
    form: PasswordChange,
    request: Request,
    user: UserDep,
    runtime: RuntimeDep,
    passwords: PasswordsDep,
) -> Response:
    """Change the password. Every other browser is signed out and every bearer token ends.

    This browser gets a new cookie.
    """
    if user.session_id is None:
        raise Reauthenticate
    proved = await service.prove_password(
        runtime,
        passwords,
        name=user.name,
        password=form.current_password,
        caller=caller_of(request, name=user.name),
    )
    await service.change_password(runtime, passwords, user=proved, form=form)
    response = Response(status_code=204)
    await begin_session(request, response, user_id=user.id, name=user.name)
    return response


@router.get("/me", dependencies=[_read])
async def me(request: Request, session: SessionDep, user: UserDep, runtime: RuntimeDep) -> MeReply:
    """Return who is signed in, and what they should know now."""
    found = await queries.user(session, user_id=user.id)
    if found is None:
        raise SignedOut
    notices = await service.notices_of(
        runtime, session, user=user, sources=request.app.state.notice_sources
    )
    return MeReply(**UserReply.model_validate(found).model_dump(), notices=notices)


async def proved_for_email(change: ProfileChange, request: Request, user: UserDep) -> None:
    """Demand the password for a change of address: messages about the account go there."""
    if "email" in change.model_fields_set:
        await recently_proved(request, user)


@router.patch("/me", dependencies=[_account, Depends(proved_for_email)])
async def change_me(
    change: ProfileChange, session: SessionDep, user: UserDep, runtime: RuntimeDep
) -> UserReply:
    """Change e-mail address or time zone; what is left out stays."""
    return UserReply.model_validate(
        await service.change_profile(runtime, session, user_id=user.id, change=change)
    )


def _shown(token: ApiToken) -> dict[str, Any]:
    scopes = [Scope(scope) for scope in token.scopes.split()]
    fields = ("id", "name", "prefix", "created_at", "expires_at", "last_used_at")
    return {"scopes": scopes, **{field: getattr(token, field) for field in fields}}


@router.get("/tokens", dependencies=[_account])
async def tokens(session: SessionDep, user: UserDep) -> list[TokenReply]:
    """List your bearer tokens, newest first, without their secrets."""
    return [TokenReply(**_shown(row)) for row in await queries.tokens(session, user_id=user.id)]


@router.post("/tokens", status_code=201)
async def make_token(
    form: NewToken, session: SessionDep, user: ProvedUserDep, runtime: RuntimeDep
) -> NewTokenReply:
    """Make a bearer token; it is shown this once. Needs a browser that just gave its password."""
    row, bearer = await sign_in.make_token(
        runtime, session, user_id=user.id, name=form.name, scopes=form.scopes
    )
    return NewTokenReply(**_shown(row), token=bearer)


@router.delete("/tokens", status_code=204, dependencies=[_account])
async def end_tokens(session: SessionDep, user: UserDep, runtime: RuntimeDep) -> None:
    """End all your bearer tokens."""
    await sign_in.end_all_tokens(runtime, session, user_id=user.id)


@router.delete("/tokens/{token_id}", status_code=204, dependencies=[_account])
async def end_token(
    token_id: RowId, session: SessionDep, user: UserDep, runtime: RuntimeDep
) -> None:
    """End one of your bearer tokens."""
    await sign_in.end_token(runtime, session, user_id=user.id, token_id=token_id)

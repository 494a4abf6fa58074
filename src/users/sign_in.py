"""Browser sessions and bearer tokens: making them, recognising them, ending them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from src.database import Session, become
from src.errors import NotFound
from src.runtime import Runtime
from src.users import queries
from src.users.credentials import fingerprint, is_well_formed, new_bearer, new_secret
from src.users.errors import SignedOut, TokenInvalid
from src.users.models import ApiToken, Role, User, UserSession
from src.users.schemas import Scope
from src.utils.types import UserId

LOGIN_SCOPES = (Scope.READ, Scope.SYNC, Scope.ACCOUNT)
LOGIN_TOKEN_LASTS = timedelta(days=30)
TOKEN_LASTS = timedelta(days=90)
PROOF_LASTS = timedelta(minutes=10)
_TOUCH_EVERY = timedelta(minutes=1)
_PREFIX_LENGTH = 8
_LONGEST_AGENT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentUser:
    """Who is asking, and by what: a browser session or a bearer token."""

    id: UserId
    name: str
    role: Role
    time_zone: str
    session_id: int | None = None
    token_id: int | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    proved_at: datetime | None = None
    noted_at: datetime | None = None
    """When the last use of the session or token was written down."""

    def may(self, scope: Scope) -> bool:
        """Tell whether this request may do what `scope` covers; a session may do all."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request proves itself by."""

    secret: str = field(repr=False)
    is_bearer: bool

    @property
    def key(self) -> str:
        """The hash its row is found by; the session is opened with it."""
        return fingerprint(self.secret)


async def identify(runtime: Runtime, session: Session, credential: Credential) -> CurrentUser:
    """Find whose credential this is, and turn the session into theirs.

    Args:
        runtime: For the time and the lifetimes.
        session: Opened by `keyed(credential.key)`.
        credential: What the request brought.

    Raises:
        TokenInvalid: The token is mistyped, ended or expired.
        SignedOut: The cookie's session was ended or has expired.
    """
    if credential.is_bearer:
        return await _by_token(runtime, session, credential)
    return await _by_cookie(runtime, session, credential)


async def _by_token(runtime: Runtime, session: Session, credential: Credential) -> CurrentUser:
    if not is_well_formed(credential.secret):
        raise TokenInvalid
    found = await queries.token_by_hash_all_users(session, token_hash=credential.key)
    if found is None or found.expires_at <= runtime.clock.now():
        raise TokenInvalid
    user = await _owner(session, found.user_id)
    if user is None:
        raise TokenInvalid
    return CurrentUser(
        id=UserId(user.id),
        name=user.name,
        role=Role(user.role),
        time_zone=user.time_zone,
        token_id=found.id,
        scopes=frozenset(Scope(scope) for scope in found.scopes.split()),
        noted_at=found.last_used_at,
    )


async def _by_cookie(runtime: Runtime, session: Session, credential: Credential) -> CurrentUser:
    found = await queries.session_by_hash_all_users(session, token_hash=credential.key)
    now = runtime.clock.now()
    idle = timedelta(days=runtime.settings.session_idle_days)
    if found is None or found.expires_at <= now or found.last_seen_at + idle <= now:
        raise SignedOut
    user = await _owner(session, found.user_id)
    if user is None:
        raise SignedOut
    return CurrentUser(
        id=UserId(user.id),
        name=user.name,
        role=Role(user.role),
        time_zone=user.time_zone,
        session_id=found.id,
        proved_at=found.proved_at,
        noted_at=found.last_seen_at,
    )


async def _owner(session: Session, user_id: int) -> User | None:
    await become(session, UserId(user_id))
    return await queries.user(session, user_id=UserId(user_id))


async def note_use(runtime: Runtime, user: CurrentUser) -> None:
    """Write down that a session or token was used, at most once a minute.

    Has a transaction of its own: call it when no other of this request is open.
    """
    now = runtime.clock.now()
    before = now - _TOUCH_EVERY
    if user.noted_at is not None and user.noted_at > before:
        return
    async with runtime.database.transaction(user.id) as session:
        if user.session_id is not None:
            await queries.touch_session(
                session, user_id=user.id, session_id=user.session_id, now=now, seen_before=before
            )
        if user.token_id is not None:
            await queries.touch_token(
                session, user_id=user.id, token_id=user.token_id, now=now, used_before=before
            )


async def begin_session(
    runtime: Runtime, *, user_id: UserId, user_agent: str, replaces: str | None = None
) -> str:
    """Sign a browser in and return the secret for its cookie.

    Args:
        runtime: Where.
        user_id: Whose password was just proved.
        user_agent: The browser's own name, shown in the list of sessions.
        replaces: Secret of the cookie the browser had, which ends now.
    """
    secret, now = new_secret(runtime.entropy), runtime.clock.now()
    if replaces is not None:
        await end_session(runtime, secret=replaces)
    async with runtime.database.transaction(user_id) as session:
        await queries.forget_expired(session, user_id=user_id, now=now)
        session.add(
            UserSession(
                user_id=user_id,
                token_hash=fingerprint(secret),
                created_at=now,
                last_seen_at=now,
                proved_at=now,
                expires_at=now + timedelta(days=runtime.settings.session_absolute_days),
                user_agent=user_agent[:_LONGEST_AGENT],
            )
        )
        await queries.note(session, user_id=user_id, action="signed_in", now=now)
    return secret


async def end_session(runtime: Runtime, *, secret: str) -> UserId | None:
    """End the browser session of a cookie and return whose it was; None if it was over."""
    key = fingerprint(secret)
    async with runtime.database.keyed(key, write=True) as session:
        found = await queries.session_by_hash_all_users(session, token_hash=key)
        if found is None:
            return None
        user_id = UserId(found.user_id)
        await become(session, user_id)
        await queries.end_sessions(session, user_id=user_id, only=found.id)
    return user_id


async def make_token(
    runtime: Runtime,
    session: Session,
    *,
    user_id: UserId,
    name: str,
    scopes: Sequence[Scope],
    lasts: timedelta = TOKEN_LASTS,
) -> tuple[ApiToken, str]:
    """Make a bearer token.

    Returns:
        Its row, and the token itself, which is kept nowhere.
    """
    bearer, now = new_bearer(runtime.entropy), runtime.clock.now()
    token = ApiToken(
        user_id=user_id,
        token_hash=fingerprint(bearer),
        prefix=bearer[:_PREFIX_LENGTH],
        name=name,
        scopes=" ".join(scope for scope in Scope if scope in scopes),
        created_at=now,
        expires_at=now + lasts,
    )
    session.add(token)
    await queries.note(session, user_id=user_id, action="token_made", detail=name, now=now)
    return token, bearer


async def end_token(runtime: Runtime, session: Session, *, user_id: UserId, token_id: int) -> None:
    """End one of the user's bearer tokens.

    Raises:
        NotFound: The user has no such token.
    """
    if not await queries.end_tokens(session, user_id=user_id, only=token_id):
        raise NotFound("You have no such token; it may have been ended already.")
    await queries.note(session, user_id=user_id, action="token_ended", now=runtime.clock.now())


async def end_all_tokens(runtime: Runtime, session: Session, *, user_id: UserId) -> None:
    """End every bearer token of the user."""
    if await queries.end_tokens(session, user_id=user_id):
        await queries.note(session, user_id=user_id, action="tokens_ended", now=runtime.clock.now())

"""Making accounts and changing them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from src.database import Session, become
from src.runtime import Runtime
from src.users import queries
from src.users.admission import Admission
from src.users.credentials import fingerprint, new_secret
from src.users.errors import BadCredentials, PasswordRefused, SetupDone, SignedOut, UsernameTaken
from src.users.models import Role, User
from src.users.passwords import Passwords, demand_good_password
from src.users.schemas import Notice, PasswordChange, ProfileChange, Registration
from src.users.sign_in import CurrentUser
from src.users.throttle import Caller, Throttle
from src.utils.types import UserId

NoticeSource = Callable[[Runtime, Session, CurrentUser], Awaitable[Sequence[Notice]]]
"""Tells a user what they should know; a room above hands one in."""

_CODE_LASTS = timedelta(hours=24)
_INVITE_LASTS = timedelta(days=7)
_URGENCY = {"stop": 0, "warn": 1, "ok": 2}


async def issue_setup_code(runtime: Runtime) -> str | None:
    """Make the code by which the first account is registered; it replaces an earlier one.

    Returns:
        The code, good for 24 hours and one use; None when there is an owner already.
    """
    code, now = new_secret(runtime.entropy), runtime.clock.now()
    async with runtime.database.shared(write=True) as session:
        stored = await queries.store_setup_code(
            session, code_hash=fingerprint(code), now=now, expires_at=now + _CODE_LASTS
        )
    return code if stored else None


async def issue_invite(runtime: Runtime) -> str:
    """Make a code that admits one person within seven days."""
    code, now = new_secret(runtime.entropy), runtime.clock.now()
    async with runtime.database.shared(write=True) as session:
        await queries.store_invite(
            session, code_hash=fingerprint(code), now=now, expires_at=now + _INVITE_LASTS
        )
    return code


async def register(
    runtime: Runtime, passwords: Passwords, form: Registration, *, address: str
) -> User:
    """Open an account as the policy allows; the first one owns this Playhead.

    Args:
        runtime: Where.
        passwords: What hashes.
        form: As it was sent.
        address: Where it comes from.

    Raises:
        RegistrationClosed: The policy or the code does not allow it.
        SetupDone: The set-up code comes too late.
        UsernameTaken: Somebody has the name.
        PasswordRefused: The password is easy to guess.
        Throttled: Too many accounts came from there.
        Busy: Too many passwords are being hashed.
    """
    admission = Admission.of(runtime.settings, setup_code=form.setup_code, invite=form.invite)
    async with runtime.database.shared() as session:
        await admission.look(session, runtime.clock.now())
    demand_good_password(form.password, name=form.username)
    await Throttle(runtime).admit_newcomer(address=address)
    password_hash = await passwords.hash(form.password)
    async with runtime.database.keyed(form.username, write=True) as session:
        role = await admission.consume(session, runtime.clock.now())
        user = await queries.store_user_all_users(
            session,
            name=form.username,
            password_hash=password_hash,
            role=role,
            email=form.email,
            time_zone=form.time_zone,
            now=runtime.clock.now(),
        )
        return await _begun(runtime, session, user)


async def add_user(
    runtime: Runtime,
    name: str,
    password: str,
    *,
    role: Role | None = None,
    passwords: Passwords | None = None,
) -> User:
    """Make an account from the command line, whatever the policy.

    Args:
        runtime: Where.
        name: The user's name; checked and case-folded like a registration's.
        password: Held to the same rules.
        role: Owner or user; by default owner when there is none yet.
        passwords: What hashes; by default as the settings say.

    Raises:
        SetupDone: An owner was asked for and there is one.
        UsernameTaken: Somebody has the name.
        PasswordRefused: The password is easy to guess.
        pydantic.ValidationError: The name cannot be one.
    """
    form = Registration(username=name, password=password)
    demand_good_password(form.password, name=form.username)
    hashing = passwords or Passwords(threads=runtime.settings.password_hashing_threads)
    password_hash = await hashing.hash(form.password)
    now = runtime.clock.now()
    async with runtime.database.keyed(form.username, write=True) as session:
        claimed = role != Role.USER and await queries.claim_installation(session, now=now)
        if role == Role.OWNER and not claimed:
            raise SetupDone
        user = await queries.store_user_all_users(
            session,
            name=form.username,
            password_hash=password_hash,
            role=Role.OWNER if claimed else Role.USER,
            email=None,
            time_zone="UTC",
            now=now,
        )
        return await _begun(runtime, session, user)


async def _begun(runtime: Runtime, session: Session, user: User | None) -> User:
    if user is None:
        raise UsernameTaken
    user_id = UserId(user.id)
    await become(session, user_id)
    await queries.note(session, user_id=user_id, action="registered", now=runtime.clock.now())
    return user


async def prove_password(
    runtime: Runtime, passwords: Passwords, *, name: str, password: str, caller: Caller
) -> User:
    """Return the user whose name and password these are; failures are counted.

    Args:
        runtime: Where.
        passwords: What compares.
        name: Canonical user name, known or not.
        password: As typed.
        caller: Where the attempt comes from.

    Raises:
        BadCredentials: They do not belong together.
        Throttled: Too many have failed.
        Busy: Too many passwords are being compared.
    """
    throttle = Throttle(runtime)
    attempt = await throttle.admit(name=name, caller=caller)
    user = await _user_named(runtime, name)
    if not await passwords.verify(password, user.password_hash if user is not None else None):
        raise BadCredentials
    assert user is not None, "only a user has a hash that matches"  # noqa: S101 - for the checker
    await throttle.forgive(attempt)
    return user


async def _user_named(runtime: Runtime, name: str) -> User | None:
    if not name:  # no key opens nothing, not even an empty answer
        return None
    async with runtime.database.keyed(name) as session:
        return await queries.user_by_name_all_users(session, name=name)


async def change_password(
    runtime: Runtime, passwords: Passwords, *, user: User, form: PasswordChange
) -> None:
    """Give the user another password and end every browser session and bearer token.

    The current one in `form` was proved by `prove_password`.

    Raises:
        PasswordRefused: The new one is easy to guess, or the present one.
        Busy: Too many passwords are being hashed.
    """
    demand_good_password(form.new_password, name=user.name)
    if form.new_password == form.current_password:
        raise PasswordRefused("This is the password you have. Choose another.")
    password_hash = await passwords.hash(form.new_password)
    user_id = UserId(user.id)
    async with runtime.database.transaction(user_id) as session:
        found = await queries.user(session, user_id=user_id)
        if found is None:
            raise SignedOut
        found.password_hash = password_hash
        await queries.end_sessions(session, user_id=user_id)
        await queries.end_tokens(session, user_id=user_id)
        await queries.note(
            session, user_id=user_id, action="password_changed", now=runtime.clock.now()
        )


async def change_profile(
    runtime: Runtime, session: Session, *, user_id: UserId, change: ProfileChange
) -> User:
    """Change what `change` names and leave the rest.

    Raises:
        SignedOut: The account is gone.
    """
    found = await queries.user(session, user_id=user_id)
    if found is None:
        raise SignedOut
    for field in sorted(change.model_fields_set):
        value = getattr(change, field)
        if getattr(found, field) != value:
            setattr(found, field, value)
            await queries.note(
                session, user_id=user_id, action=f"{field}_changed", now=runtime.clock.now()
            )
    return found


async def notices_of(
    runtime: Runtime, session: Session, *, user: CurrentUser, sources: Sequence[NoticeSource]
) -> list[Notice]:
    """Ask every source, and return the most urgent first."""
    found = [notice for source in sources for notice in await source(runtime, session, user)]
    return sorted(found, key=lambda notice: _URGENCY[notice.kind])

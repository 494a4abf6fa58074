"""Statements on accounts, sessions, tokens, codes and failed sign-ins.

Those ending in `_all_users` run before the user is known: the session was opened
with the key they look for (`Database.keyed`), and PostgreSQL shows no other row.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from src.database import Session, dialect_of, is_unique_violation, upsert
from src.users.models import (
    ApiToken,
    AuditEvent,
    Installation,
    Invite,
    LoginThrottle,
    Role,
    User,
    UserSession,
)
from src.utils.types import UserId

# Before the user is known: one row, by a key that proves itself.


async def user_by_name_all_users(session: Session, *, name: str) -> User | None:
    """Return the user of a canonical name; the session was opened with it."""
    return await session.scalar(select(User).where(User.name == name))


async def session_by_hash_all_users(session: Session, *, token_hash: str) -> UserSession | None:
    """Return the browser session a cookie belongs to; the session was opened with the hash."""
    return await session.scalar(select(UserSession).where(UserSession.token_hash == token_hash))


async def token_by_hash_all_users(session: Session, *, token_hash: str) -> ApiToken | None:
    """Return the bearer token of a hash; the session was opened with it."""
    return await session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash))


async def store_user_all_users(
    session: Session,
    *,
    name: str,
    password_hash: str,
    role: Role,
    email: str | None,
    time_zone: str,
    now: datetime,
) -> User | None:
    """Store a user under a canonical name; None when somebody has it.

    The session was opened with the name, and is of no more use after None.
    """
    user = User(
        id=await _unused_id(session),
        name=name,
        password_hash=password_hash,
        role=role,
        email=email,
        time_zone=time_zone,
        created_at=now,
    )
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        if is_unique_violation(error):
            return None
        raise
    return user


async def _unused_id(session: Session) -> int | None:
    """Return an id that nobody ever had; None lets the database choose it.

    SQLite gives the id after the highest, which may have been that of an erased user, for
    whom this process may still be working.
    """
    erased: int | None = await session.scalar(select(Installation.highest_erased_id))
    if erased is None or dialect_of(session) != "sqlite":
        return None
    highest: int = await session.scalar(select(func.coalesce(func.max(User.id), 0))) or 0
    return max(erased, highest) + 1


# The user's own rows.


async def user(session: Session, *, user_id: UserId) -> User | None:
    """Return the user, or None when the account is gone."""
    return await session.scalar(select(User).where(User.id == user_id))


async def sessions(session: Session, *, user_id: UserId) -> Sequence[UserSession]:
    """Return the user's browser sessions, newest first."""
    found = await session.scalars(
        select(UserSession).where(UserSession.user_id == user_id).order_by(UserSession.id.desc())
    )
    return found.all()


async def end_sessions(session: Session, *, user_id: UserId, only: int | None = None) -> None:
    """Delete one browser session of the user (`only`), or all."""
    statement = delete(UserSession).where(UserSession.user_id == user_id)
    if only is not None:
        statement = statement.where(UserSession.id == only)
    await session.execute(statement)


async def touch_session(
    session: Session, *, user_id: UserId, session_id: int, now: datetime, seen_before: datetime
) -> None:
    """Note that a session was used now, unless it was noted after `seen_before`."""
    await session.execute(
        update(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.id == session_id,
            UserSession.last_seen_at <= seen_before,
        )
        .values(last_seen_at=now)
    )


async def tokens(session: Session, *, user_id: UserId) -> Sequence[ApiToken]:
    """Return the user's bearer tokens, newest first."""
    found = await session.scalars(
        select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc())
    )
    return found.all()


async def end_tokens(session: Session, *, user_id: UserId, only: int | None = None) -> int:
    """Delete one bearer token of the user (`only`), or all; returns how many there were."""
    statement = delete(ApiToken).where(ApiToken.user_id == user_id)
    if only is not None:
        statement = statement.where(ApiToken.id == only)
    ended = await session.scalars(statement.returning(ApiToken.id))
    return len(ended.all())


async def touch_token(
    session: Session, *, user_id: UserId, token_id: int, now: datetime, used_before: datetime
) -> None:
    """Note that a token was used now, unless it was noted after `used_before`."""
    await session.execute(
        update(ApiToken)
        .where(
            ApiToken.user_id == user_id,
            ApiToken.id == token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= used_before),
        )
        .values(last_used_at=now)
    )


async def note(
    session: Session, *, user_id: UserId, action: str, now: datetime, detail: str = ""
) -> None:
    """Write a line of the user's audit log; `detail` holds no secret."""
    session.add(AuditEvent(user_id=user_id, at=now, action=action, detail=detail))
    await session.flush()


async def forget_expired(session: Session, *, user_id: UserId, now: datetime) -> None:
    """Delete the user's browser sessions and bearer tokens whose time is over."""
    for model in (UserSession, ApiToken):
        await session.execute(
            delete(model).where(model.user_id == user_id, model.expires_at <= now)
        )


# Tables of nobody.


async def installation(session: Session) -> Installation | None:
    """Return the one row about this Playhead; None before anybody registered."""
    return await session.scalar(select(Installation))


async def store_setup_code(
    session: Session, *, code_hash: str, now: datetime, expires_at: datetime
) -> bool:
    """Replace the set-up code; false when somebody owns this Playhead already."""
    await _demand_installation(session, now)
    stored = await session.scalar(
        update(Installation)
        .where(~Installation.owned)
        .values(setup_code_hash=code_hash, setup_code_expires_at=expires_at)
        .returning(Installation.id)
    )
    return stored is not None


async def claim_installation(
    session: Session, *, now: datetime, code_hash: str | None = None
) -> bool:
    """Make the caller's new user the owner; only one caller ever hears true.

    Args:
        session: Open for writing.
        now: The time, against which the code's end is held.
        code_hash: Hash of the set-up code that must be stored; None claims without one.
    """
    await _demand_installation(session, now)
    statement = update(Installation).where(~Installation.owned)
    if code_hash is not None:
        statement = statement.where(
            Installation.setup_code_hash == code_hash, Installation.setup_code_expires_at > now
        )
    claimed = await session.scalar(
        statement.values(owned=True, setup_code_hash=None, setup_code_expires_at=None).returning(
            Installation.id
        )
    )
    return claimed is not None


async def _demand_installation(session: Session, now: datetime) -> None:
    await session.execute(
        upsert(dialect_of(session), Installation)
        .values(id=1, owned=False, created_at=now)
        .on_conflict_do_nothing(index_elements=["id"])
    )


async def store_key_check(session: Session, *, sealed: str, now: datetime) -> None:
    """Replace the text by which a start finds out whether it has the right keys."""
    await _demand_installation(session, now)
    await session.execute(update(Installation).values(key_check=sealed))


async def retire_id(session: Session, *, user_id: UserId, now: datetime) -> None:
    """Note that the id of a user who is erased must not be given again."""
    await _demand_installation(session, now)
    known = Installation.highest_erased_id
    await session.execute(
        update(Installation)
        .where(known.is_(None) | (known < user_id))
        .values(highest_erased_id=user_id)
    )


async def store_invite(
    session: Session, *, code_hash: str, now: datetime, expires_at: datetime
) -> None:
    """Keep an invite, and forget those that have expired."""
    await session.execute(delete(Invite).where(Invite.expires_at <= now))
    session.add(Invite(code_hash=code_hash, created_at=now, expires_at=expires_at))
    await session.flush()


async def has_invite(session: Session, *, code_hash: str, now: datetime) -> bool:
    """Tell whether an invite would be accepted; it is not consumed."""
    found = exists().where(Invite.code_hash == code_hash, Invite.expires_at > now)
    return bool(await session.scalar(select(found)))


async def consume_invite(session: Session, *, code_hash: str, now: datetime) -> bool:
    """Delete an invite; only one caller ever hears true."""
    consumed = await session.scalar(
        delete(Invite)
        .where(Invite.code_hash == code_hash, Invite.expires_at > now)
        .returning(Invite.code_hash)
    )
    return consumed is not None


async def counter(session: Session, *, key: str, now: datetime) -> LoginThrottle:
    """Return a counter of failed sign-ins, locked until the transaction ends; 0 if it is new."""
    await session.execute(
        upsert(dialect_of(session), LoginThrottle)
        .values(key=key, level=0.0, updated_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    found = await session.scalars(
        select(LoginThrottle).where(LoginThrottle.key == key).with_for_update()
    )
    return found.one()


async def lower_counter(session: Session, *, key: str) -> None:
    """Take one failure back: the sign-in that was counted beforehand succeeded."""
    await session.execute(
        update(LoginThrottle)
        .where(LoginThrottle.key == key, LoginThrottle.level >= 1)
        .values(level=LoginThrottle.level - 1)
    )


async def clear_counter(session: Session, *, key: str) -> None:
    """Forget a counter."""
    await session.execute(delete(LoginThrottle).where(LoginThrottle.key == key))

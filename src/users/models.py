"""Users, how they prove who they are, and what was done in their name."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from src.database import Base, BigId, UtcDateTime


class Role(StrEnum):
    """What a user may do beyond their own account."""

    OWNER = "owner"
    USER = "user"


class User(Base):
    """One person; `name` is stored case-folded and proves itself at sign-in."""

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "uq_users_one_owner",
            "role",
            unique=True,
            sqlite_where=text("role = 'owner'"),
            postgresql_where=text("role = 'owner'"),
        ),
        {"info": {"key": "name"}},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, default=Role.USER)
    email: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text, default="UTC")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UserSession(Base):
    """A browser signed in; the cookie holds the token, this row only its SHA-256."""

    __tablename__ = "user_session"
    __table_args__ = ({"info": {"key": "token_hash", "scheduler": True}},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(Text, default="")


class ApiToken(Base):
    """A bearer token for programs; shown once, kept as its SHA-256."""

    __tablename__ = "api_token"
    __table_args__ = ({"info": {"key": "token_hash", "scheduler": True}},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    prefix: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(Base):
    """Something done to an account that its user may want to know of; append-only."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text, default="")


class Installation(Base):
    """One row: whether somebody owns this Playhead, the code that makes them, and `key_check`.

    The last is sealed; keys that do not open it are not those of this database.
    `highest_erased_id` keeps ids of users from being given twice.
    """

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, default=1)
    owned: Mapped[bool] = mapped_column(default=False)
    setup_code_hash: Mapped[str | None] = mapped_column(Text)
    setup_code_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    key_check: Mapped[str | None] = mapped_column(Text)
    highest_erased_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Invite(Base):
    """Permission for one registration; the code's SHA-256, consumed by deletion."""

    __tablename__ = "invite"

    code_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginThrottle(Base):
    """A leaky counter of failed sign-ins, keyed by an HMAC so that no name is stored."""

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    level: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

"""What the account's routes take and return."""

import re
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from src.schemas import Strict
from src.utils.text import CleanText, ShortText, folded

_NAME = re.compile(r"[\w.@+-]{2,64}")
_MAIL = re.compile(r"[!-~]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
_NOT_IN_MAIL = frozenset('@,;:<>()[]"\\')
_ZONES_OF_NOBODY = frozenset({"Factory", "localtime", "posixrules"})


def canonical_name(name: str) -> str:
    """Return the one form under which a user name is kept and looked for."""
    return folded(name.strip())


def _user_name(name: str) -> str:
    found = canonical_name(name)
    if not _NAME.fullmatch(found):
        raise ValueError("must be 2 to 64 letters, digits or . _ - + @, without spaces")
    return found


def _mail_address(text: str) -> str:
    # One plain address: a list of them, or a line break, would reach more people than meant.
    local = text.rpartition("@")[0]
    if not _MAIL.fullmatch(text) or not _NOT_IN_MAIL.isdisjoint(local):
        raise ValueError("must be one plain address, such as ada@example.org")
    return text


@cache
def _time_zones() -> frozenset[str]:
    """Every name the time zone database knows, the old ones included; it is read once."""
    return frozenset(available_timezones() - _ZONES_OF_NOBODY)


def _time_zone(text: str) -> str:
    if text not in _time_zones():
        raise ValueError("must be a time zone's name, such as Europe/Berlin or UTC")
    return text


UserName = Annotated[CleanText, Field(max_length=64), AfterValidator(_user_name)]
"""A name to sign in by: 2 to 64 characters, kept case-folded."""

MailAddress = Annotated[CleanText, Field(max_length=254), AfterValidator(_mail_address)]
"""One e-mail address."""

TimeZone = Annotated[CleanText, Field(max_length=64), AfterValidator(_time_zone)]
"""A name of the IANA time zone database, old names included."""

AnyPassword = Annotated[CleanText, Field(max_length=1024)]
"""A password as typed; the rules stand in `src.users.passwords`."""

Code = Annotated[CleanText, Field(min_length=1, max_length=128)]
"""A set-up or invite code."""


class Scope(StrEnum):
    """What a bearer token may do."""

    READ = "read"
    SYNC = "sync"
    IMPORT = "import"
    ACCOUNT = "account"


class Registration(Strict):
    """A person who wants an account."""

    username: UserName
    password: AnyPassword
    email: MailAddress | None = None
    time_zone: TimeZone = "UTC"
    setup_code: Code | None = None
    invite: Code | None = None


class Login(Strict):
    """Name and password; `token` asks for a bearer token beside the cookie."""

    username: Annotated[CleanText, Field(max_length=200)]
    password: AnyPassword
    token: bool = False


class PasswordChange(Strict):
    """The password that holds and the one to hold from now on."""

    current_password: AnyPassword
    new_password: AnyPassword


class ProfileChange(Strict):
    """What to change; fields that are left out stay. A null `email` removes it."""

    email: MailAddress | None = None
    time_zone: TimeZone = "UTC"


class NewToken(Strict):
    """A bearer token to make; it lasts 90 days."""

    name: ShortText
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=4)] = (Scope.READ,)


class UserReply(BaseModel):
    """A user as they see themselves."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    role: Literal["owner", "user"]
    email: str | None
    time_zone: str
    created_at: datetime


class LoginReply(BaseModel):
    """Who signed in, and the bearer token if one was asked for; it is not shown again."""

    user: UserReply
    token: str | None = None


class Notice(BaseModel):
    """Something the user should know of; `stop` before `warn` before `ok`."""

    kind: Literal["ok", "warn", "stop"]
    head: str
    text: str


class MeReply(UserReply):
    """The user, and what they should know now, most urgent first."""

    notices: list[Notice] = []


class TokenReply(BaseModel):
    """A bearer token without its secret; `prefix` are its first eight characters."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenReply(TokenReply):
    """A bearer token just made; `token` is shown this once."""

    token: str

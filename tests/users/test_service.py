"""Accounts: who gets one, and as what."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import ValidationError

from src.errors import PlayheadError
from src.runtime import Runtime
from src.users import queries
from src.users.errors import (
    PasswordRefused,
    RegistrationClosed,
    SetupDone,
    SignedOut,
    UsernameTaken,
)
from src.users.models import AuditEvent, Role, User
from src.users.schemas import PasswordChange, ProfileChange, Registration
from src.users.service import (
    add_user,
    change_password,
    change_profile,
    issue_invite,
    issue_setup_code,
    register,
)
from src.utils.types import UserId
from tests.fixtures import DatabaseUrls
from tests.users.clients import HOME, PASSWORD, quick_passwords, read_column, row_counts, under
from tests.utils.stepped_clock import SteppedClock

PUBLIC = {"public_url": "https://podcasts.example.org"}


async def joins(runtime: Runtime, name: str, **codes: str | None) -> User:
    """Register `name`."""
    form = Registration.model_validate({"username": name, "password": PASSWORD, **codes})
    return await register(runtime, quick_passwords(), form, address=HOME)


async def test_setup_code_makes_the_owner_once(runtime: Runtime) -> None:
    """Where others can reach the address, the code from the machine itself is needed."""
    public = under(runtime, **PUBLIC)
    code = await issue_setup_code(public)

    owner = await joins(public, "ada", setup_code=code)

    assert Role.OWNER == owner.role
    assert await issue_setup_code(public) is None
    with pytest.raises(SetupDone):
        await joins(public, "grace", setup_code=code)


async def test_setup_code_dies_after_a_day(runtime: Runtime, clock: SteppedClock) -> None:
    """An old log line makes nobody the owner."""
    public = under(runtime, **PUBLIC)
    code = await issue_setup_code(public)
    clock.jump(timedelta(hours=24).total_seconds())

    with pytest.raises(RegistrationClosed):
        await joins(public, "ada", setup_code=code)


async def test_only_the_newest_setup_code_counts(runtime: Runtime) -> None:
    """Each start prints its own; the earlier one is forgotten."""
    public = under(runtime, **PUBLIC)
    first, second = await issue_setup_code(public), await issue_setup_code(public)

    with pytest.raises(RegistrationClosed):
        await joins(public, "ada", setup_code=first)
    assert Role.OWNER == (await joins(public, "ada", setup_code=second)).role


async def test_codes_are_kept_as_hashes(runtime: Runtime, database_urls: DatabaseUrls) -> None:
    """A stolen database opens no account."""
    setup, invite = await issue_setup_code(runtime), await issue_invite(runtime)

    kept = [
        *read_column(database_urls, "installation", "setup_code_hash"),
        *read_column(database_urls, "invite", "code_hash"),
    ]

    assert 2 == len(kept)
    assert not {setup, invite} & set(kept)


async def test_failed_registration_spends_no_code(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """The code is consumed in the transaction that makes the user, or not at all."""
    public = under(runtime, **PUBLIC)
    await joins(public, "ada", setup_code=await issue_setup_code(public))
    invite = await issue_invite(public)

    with pytest.raises(UsernameTaken):
        await joins(public, "ada", invite=invite)
    with pytest.raises(PasswordRefused):
        await register(
            public,
            quick_passwords(),
            Registration(username="grace", password="short", invite=invite),
            address=HOME,
        )

    assert 1 == row_counts(database_urls)["invite"]
    assert Role.USER == (await joins(public, "grace", invite=invite)).role


async def test_invite_admits_one_within_a_week(runtime: Runtime, clock: SteppedClock) -> None:
    """Of two who come with one invite one is admitted; a late one is not."""
    public = under(runtime, **PUBLIC)
    await joins(public, "ada", setup_code=await issue_setup_code(public))
    shared, late = await issue_invite(public), await issue_invite(public)

    results = await asyncio.gather(
        *(joins(public, name, invite=shared) for name in ("grace", "mary")), return_exceptions=True
    )
    clock.jump(timedelta(days=7).total_seconds())

    assert [RegistrationClosed, User] == sorted(map(type, results), key=lambda kind: kind.__name__)
    with pytest.raises(RegistrationClosed):
        await joins(public, "joan", invite=late)


@pytest.mark.parametrize(
    ("public", "policy", "owned", "admitted"),
    [
        (False, "auto", False, True),
        (False, "auto", True, True),
        (False, "closed", False, False),
        (False, "invite", True, False),
        (True, "auto", False, False),
        (True, "auto", True, False),
        (True, "closed", True, False),
        (True, "open", False, False),
        (True, "open", True, True),
    ],
)
async def test_who_comes_without_a_code(
    runtime: Runtime, public: bool, policy: str, owned: bool, admitted: bool
) -> None:
    """Open takes everybody once there is an owner; on one's own machine the first to come."""
    if owned:
        await add_user(runtime, "owner", PASSWORD, passwords=quick_passwords())
    there = under(runtime, registration=policy, **(PUBLIC if public else {}))
    try:
        user = await joins(there, "ada")
    except RegistrationClosed:
        assert not admitted
        return

    assert admitted
    assert user.role == (Role.USER if owned else Role.OWNER)


async def test_closed_means_closed_even_with_an_invite(runtime: Runtime) -> None:
    """An invite made before the policy changed is of no use under the new one."""
    await add_user(runtime, "owner", PASSWORD, passwords=quick_passwords())
    invite = await issue_invite(runtime)

    with pytest.raises(RegistrationClosed):
        await joins(under(runtime, registration="closed"), "ada", invite=invite)


async def test_command_line_adds_whom_it_wants(runtime: Runtime) -> None:
    """The first is the owner unless told otherwise; there is never a second."""
    closed, passwords = under(runtime, registration="closed"), quick_passwords()

    plain = await add_user(closed, "Mary", PASSWORD, role=Role.USER, passwords=passwords)
    first = await add_user(closed, "ada", PASSWORD, passwords=passwords)
    second = await add_user(closed, "grace", PASSWORD, passwords=passwords)

    assert ["mary", "user"] == [plain.name, plain.role]
    assert [Role.OWNER, Role.USER] == [first.role, second.role]
    with pytest.raises(SetupDone):
        await add_user(closed, "joan", PASSWORD, role=Role.OWNER, passwords=passwords)


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        ("no spaces please", PASSWORD, ValidationError),
        ("ada", "password123", PasswordRefused),
        ("grace", PASSWORD, UsernameTaken),
    ],
)
async def test_command_line_keeps_the_rules(
    runtime: Runtime, name: str, password: str, expected: type[Exception]
) -> None:
    """Names and passwords are held to the same rules as at registration."""
    await add_user(runtime, "grace", PASSWORD, passwords=quick_passwords())

    with pytest.raises(expected):
        await add_user(runtime, name, password, passwords=quick_passwords())


async def test_what_is_done_to_an_account_is_written_down(runtime: Runtime) -> None:
    """The audit log names the act and holds no secret and no new value."""
    user = await joins(runtime, "ada")
    user_id = UserId(user.id)
    change = ProfileChange(email="ada@example.org", time_zone="UTC")
    async with runtime.database.transaction(user_id) as session:
        await change_profile(runtime, session, user_id=user_id, change=change)
    form = PasswordChange(current_password=PASSWORD, new_password="quite another set of words")
    await change_password(runtime, quick_passwords(), user=user, form=form)

    async with runtime.database.transaction(user_id) as session:
        events = [
            await session.get(AuditEvent, number, populate_existing=True) for number in (1, 2, 3)
        ]

    assert ["registered", "email_changed", "password_changed"] == [
        event.action for event in events if event is not None
    ]
    assert {""} == {event.detail for event in events if event is not None}


@pytest.mark.parametrize("deed", ["profile", "password"])
async def test_deleted_account_is_not_changed(runtime: Runtime, deed: str) -> None:
    """A request that was under way while the account went away is told so."""
    user = await joins(runtime, "ada")
    user_id = UserId(user.id)
    async with runtime.database.transaction(user_id) as session:
        found = await queries.user(session, user_id=user_id)
        await session.delete(found)

    async def change() -> None:
        if deed == "profile":
            async with runtime.database.transaction(user_id) as session:
                await change_profile(
                    runtime, session, user_id=user_id, change=ProfileChange(time_zone="UTC")
                )
        form = PasswordChange(current_password=PASSWORD, new_password="quite another set of words")
        await change_password(runtime, quick_passwords(), user=user, form=form)

    with pytest.raises(SignedOut):
        await change()


def test_every_refusal_tells_its_status() -> None:
    """Nothing of this room ends as an internal error."""
    refusals = [
        kind for kind in PlayheadError.__subclasses__() if kind.__module__ == "src.users.errors"
    ]

    assert 13 == len(refusals)
    assert all(400 <= kind.status < 504 and kind.status != 500 for kind in refusals)
    assert len(refusals) == len({kind.code for kind in refusals})

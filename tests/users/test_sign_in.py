"""Browser sessions and bearer tokens over time."""

from datetime import datetime, timedelta

import pytest

from src.runtime import Runtime
from src.users import queries, sign_in
from src.users.errors import SignedOut, TokenInvalid
from src.users.schemas import Scope
from src.users.service import add_user
from src.users.sign_in import Credential, CurrentUser
from src.utils.types import UserId
from tests.fixtures import DatabaseUrls
from tests.users.clients import PASSWORD, quick_passwords, read_column, row_counts
from tests.utils.stepped_clock import SteppedClock

DAY_S = 86_400


async def ada(runtime: Runtime) -> UserId:
    """A user."""
    return UserId((await add_user(runtime, "ada", PASSWORD, passwords=quick_passwords())).id)


async def who(runtime: Runtime, secret: str, *, is_bearer: bool = False) -> CurrentUser:
    """Who a secret stands for, as a request would find out, use noted."""
    credential = Credential(secret, is_bearer=is_bearer)
    async with runtime.database.keyed(credential.key) as session:
        user = await sign_in.identify(runtime, session, credential)
    await sign_in.note_use(runtime, user)
    return user


async def test_unused_session_ends_after_two_weeks(runtime: Runtime, clock: SteppedClock) -> None:
    """One that is used goes on; one second short of two weeks still counts."""
    user_id = await ada(runtime)
    secret = await sign_in.begin_session(runtime, user_id=user_id, user_agent="test")
    clock.jump(14 * DAY_S - 1)
    assert user_id == (await who(runtime, secret)).id
    clock.jump(14 * DAY_S)

    with pytest.raises(SignedOut):
        await who(runtime, secret)


async def test_session_ends_after_ninety_days_however_used(
    runtime: Runtime, clock: SteppedClock
) -> None:
    """Once in a while everybody gives their password."""
    secret = await sign_in.begin_session(runtime, user_id=await ada(runtime), user_agent="test")
    for _ in range(8):
        clock.jump(11 * DAY_S)
        await who(runtime, secret)
    clock.jump(2 * DAY_S)

    with pytest.raises(SignedOut):
        await who(runtime, secret)


async def test_use_is_written_once_a_minute(
    runtime: Runtime, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """Reading pages must not turn into a write for each."""
    secret = await sign_in.begin_session(runtime, user_id=await ada(runtime), user_agent="test")
    seen = []
    for _ in range(4):
        clock.jump(30)
        await who(runtime, secret)
        seen.extend(read_column(database_urls, "user_session", "last_seen_at"))

    assert 3 == len(set(seen))
    assert seen[1] == seen[2]


async def test_token_notes_its_use_too(runtime: Runtime, clock: SteppedClock) -> None:
    """The list of tokens tells which are still used."""
    user_id = await ada(runtime)
    async with runtime.database.transaction(user_id) as session:
        _, bearer = await sign_in.make_token(
            runtime, session, user_id=user_id, name="notes", scopes=[Scope.READ]
        )

    async def used() -> datetime | None:
        async with runtime.database.transaction(user_id, write=False) as session:
            return (await queries.tokens(session, user_id=user_id))[0].last_used_at

    assert await used() is None
    user = await who(runtime, bearer, is_bearer=True)
    first = await used()
    clock.jump(59)
    await who(runtime, bearer, is_bearer=True)

    assert clock.now() - timedelta(seconds=59) == first == await used()
    assert frozenset({Scope.READ}) == user.scopes
    assert user.proved_at is None


async def test_old_sessions_and_tokens_are_cleared_at_sign_in(
    runtime: Runtime, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """What has expired is of no use to anybody."""
    user_id = await ada(runtime)
    await sign_in.begin_session(runtime, user_id=user_id, user_agent="test")
    async with runtime.database.transaction(user_id) as session:
        await sign_in.make_token(runtime, session, user_id=user_id, name="old", scopes=[Scope.READ])
    clock.jump(90 * DAY_S)

    await sign_in.begin_session(runtime, user_id=user_id, user_agent="test")

    counts = row_counts(database_urls)
    assert (1, 0) == (counts["user_session"], counts["api_token"])


async def test_secrets_are_kept_as_hashes(runtime: Runtime, database_urls: DatabaseUrls) -> None:
    """A stolen database signs nobody in."""
    user_id = await ada(runtime)
    secret = await sign_in.begin_session(runtime, user_id=user_id, user_agent="x" * 1000)
    async with runtime.database.transaction(user_id) as session:
        _, bearer = await sign_in.make_token(
            runtime, session, user_id=user_id, name="notes", scopes=list(Scope)
        )

    hashes = [
        *read_column(database_urls, "user_session", "token_hash"),
        *read_column(database_urls, "api_token", "token_hash"),
    ]
    for stolen in hashes:
        with pytest.raises(SignedOut):
            await who(runtime, stolen)
        with pytest.raises(TokenInvalid):
            await who(runtime, stolen, is_bearer=True)

    assert not {secret, bearer} & set(hashes)
    assert [200] == [len(text) for text in read_column(database_urls, "user_session", "user_agent")]


async def test_credential_shows_no_secret() -> None:
    """What ends up in a traceback tells nothing."""
    assert "lantern" not in repr(Credential("lantern", is_bearer=True))

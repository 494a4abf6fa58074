"""Isolation: nobody sees or changes what is not theirs, whichever way they ask."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from src.database import Base, Session, become, sync_session
from src.errors import NoUser
from src.guards import is_tenant
from src.runtime import Runtime
from src.spotify.models import SavedShow, Show, SpotifyConnection, SyncSchedule
from src.users.models import Installation, User, UserSession
from src.utils.types import UserId
from tests.factories import add_connection, add_saved_show, add_user
from tests.fixtures import START, DatabaseUrls


async def test_a_transaction_for_nobody_is_refused(runtime: Runtime) -> None:
    """A session opened without a user raises, before any statement."""
    with pytest.raises(NoUser):
        runtime.database.transaction(UserId(0))


STATEMENTS: dict[str, Callable[[], Executable]] = {
    "orm": lambda: select(User),
    "columns": lambda: select(User.id),
    "subquery": lambda: select(select(SavedShow.show_id).subquery()),
    "exists": lambda: select(Show.id).where(select(SavedShow).exists()),
    "cte": lambda: select(select(SavedShow.show_id).cte()),
    "update": lambda: update(SavedShow).values(misses=1),
    "delete": lambda: delete(SavedShow),
    "insert": lambda: insert(UserSession).values(
        user_id=1,
        token_hash="x",
        created_at=START,
        last_seen_at=START,
        proved_at=START,
        expires_at=START,
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_session_for_nobody_cannot_touch_a_tenant_table(
    runtime: Runtime, name: str
) -> None:
    """Reading or writing rows of users without a user raises NoUser on both engines."""
    await add_saved_show(runtime, await add_user(runtime, "ada"), "show")

    with pytest.raises(NoUser):
        async with runtime.database.shared(write=True) as session:
            await session.execute(STATEMENTS[name]())


async def test_raw_sql_for_nobody_shows_nothing(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """Raw text is refused by SQLite's authorizer and empty under PostgreSQL's policies."""
    await add_user(runtime, "ada")

    async def ask() -> list[object]:
        async with runtime.database.shared() as session:
            return list(await session.execute(text("select id from users")))

    if database_urls.is_sqlite:
        with pytest.raises(NoUser):
            await ask()
    else:
        assert [] == await ask()


async def test_a_stale_user_does_not_linger_on_a_pooled_connection(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """The next session on the same connection starts as nobody."""
    ada = await add_user(runtime, "ada")
    async with runtime.database.transaction(ada) as session:
        await session.scalar(select(User.id))

    with pytest.raises(NoUser):
        async with runtime.database.shared() as session:
            await session.scalar(select(User.id))


async def test_shared_tables_are_open_to_nobody(runtime: Runtime) -> None:
    """What holds nothing of a user can be read and written before anyone is known."""
    async with runtime.database.shared(write=True) as session:
        session.add(Installation(id=1, created_at=START))
    async with runtime.database.shared() as session:
        found = await session.get(Installation, 1)

    assert found is not None
    assert found.owned is False


async def test_a_key_shows_the_row_that_carries_it_and_becomes_its_user(runtime: Runtime) -> None:
    """A keyed session finds its row; becoming the user opens the user's other rows."""
    ada = await add_user(runtime, "ada")
    await add_saved_show(runtime, ada, "show")

    async with runtime.database.keyed("ada") as session:
        user = (await session.scalars(select(User).where(User.name == "ada"))).one()
        await become(session, UserId(user.id))
        shows = (await session.scalars(select(SavedShow.show_id))).all()

    assert ["show"] == shows


async def test_a_key_opens_no_other_kind_of_table(runtime: Runtime) -> None:
    """Tables without a proving column stay closed to a keyed session."""
    with pytest.raises(NoUser):
        async with runtime.database.keyed("ada") as session:
            await session.execute(select(SavedShow))


async def test_the_scheduler_sees_schedules_and_not_people(runtime: Runtime) -> None:
    """The scheduler finds who is due, and nothing of who they are."""
    ada = await add_user(runtime, "ada")
    await add_connection(runtime, ada)

    async with runtime.database.scheduling() as session:
        due = (await session.scalars(select(SyncSchedule.user_id))).all()

    assert [ada] == due
    with pytest.raises((NoUser, DBAPIError)):
        async with runtime.database.scheduling() as session:
            await session.execute(select(User.name))


Attack = Callable[[Session, UserId], Awaitable[object]]


async def _read(session: Session, victim: UserId) -> object:
    statement = text("select * from saved_show where user_id = :victim")
    return (await session.execute(statement, {"victim": victim})).all()


async def _update(session: Session, victim: UserId) -> object:
    statement = text("update saved_show set misses = 9 where user_id = :victim returning 1")
    return (await session.execute(statement, {"victim": victim})).all()


async def _delete(session: Session, victim: UserId) -> object:
    statement = text("delete from saved_show where user_id = :victim returning 1")
    return (await session.execute(statement, {"victim": victim})).all()


@pytest.mark.server
@pytest.mark.parametrize("attack", [_read, _update, _delete])
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
async def test_policies_hide_another_users_rows_from_raw_sql(
    runtime: Runtime, attack: Attack
) -> None:
    """PostgreSQL enforces isolation even when a statement forgets its filter."""
    ada, bob = await add_user(runtime, "ada"), await add_user(runtime, "bob")
    await add_saved_show(runtime, ada, "show")

    async with runtime.database.transaction(bob) as session:
        seen = await attack(session, ada)

    assert [] == seen
    async with runtime.database.transaction(ada) as session:
        assert 0 == await session.scalar(select(SavedShow.misses))


@pytest.mark.server
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "insert into audit_event (user_id, at, action, detail) values (999, now(), 'x', '')",
        "set role playhead_owner",
        "alter table saved_show no force row level security",
        "create table mine (x int)",
        "set local row_security = off; select * from saved_show",
        "update cost_entry set amount_micro = 0",
        "delete from cost_entry",
        "update audit_event set action = ''",
        "delete from audit_event",
        "delete from show",
    ],
)
async def test_the_runtime_role_cannot_lift_its_own_limits(
    runtime: Runtime, statement: str
) -> None:
    """The role that serves requests can neither write for others nor change the rules."""
    ada = await add_user(runtime, "ada")

    async def attack() -> None:
        async with runtime.database.transaction(ada) as session:
            for part in statement.split(";"):
                await session.execute(text(part))

    with pytest.raises(DBAPIError, match=r"policy|permission|must be|row security"):
        await attack()


@pytest.mark.server
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
async def test_every_tenant_table_has_its_forced_policy(runtime: Runtime) -> None:
    """No table with a user in it, nor a view, comes without a forced policy of the runtime role."""
    question = text(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relkind in ('r', 'v', 'm', 'p')"
        " and c.relrowsecurity and c.relforcerowsecurity and exists (select 1 from pg_policies p"
        "  where p.tablename = c.relname and 'playhead_runtime' = any(p.roles) and p.cmd = 'ALL'"
        "  and p.qual like '%app.user_id%' and p.with_check like '%app.user_id%')"
    )
    async with runtime.database.shared() as session:
        guarded = set((await session.scalars(question)).all())

    assert {t.name for t in Base.metadata.tables.values() if is_tenant(t)} == guarded


async def test_the_documented_shell_snippet_works(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """`needs_sync` answers in a synchronous session, without arguments or lazy loads."""
    ada = await add_user(runtime, "ada")
    await add_connection(runtime, ada)

    with sync_session(ada, url=database_urls.runtime, clock=runtime.clock) as db:
        connection = db.query(SpotifyConnection).filter_by(user_id=ada).first()

        assert connection is not None
        assert connection.needs_sync() is True


def test_a_shell_session_without_a_user_is_refused() -> None:
    """`sync_session` opens for somebody or not at all."""
    with pytest.raises(NoUser), sync_session(0):
        pass

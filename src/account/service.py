"""Erasing an account: all of it at once, whatever is under way."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from src.account.errors import NameDiffers, OwnerStays
from src.account.queries import erasing as queries
from src.account.queries.history import count_events
from src.history import uploads
from src.runtime import Runtime
from src.spotify.queries import forgetting
from src.users import queries as users
from src.users.models import Role, User
from src.users.schemas import canonical_name
from src.utils.types import UserId

log = structlog.get_logger()


async def erase(runtime: Runtime, *, user_id: UserId, typed: str) -> int:
    """Erase a user with everything that is held of them, and return how many plays that was.

    In one transaction: a sync or import under way cannot write any more, browsers and
    tokens are signed out, and event streams end at their next look. Then files that were
    uploaded go, and shows that nobody follows any more. What stays are sums that tell of
    nobody: calls made in each five minutes (`quota_slot`), and counters of failed
    sign-ins under keys from which no name can be read.

    Args:
        runtime: Where.
        user_id: Who.
        typed: The name of the account, as somebody typed it to confirm.

    Raises:
        NameDiffers: It is another name, or the account is gone.
        OwnerStays: The account owns this Playhead, and others use it.
    """
    async with runtime.database.transaction(user_id, write=False) as session:
        found = await users.user(session, user_id=user_id)
    if found is None or canonical_name(typed) != found.name:
        raise NameDiffers
    await _demand_expendable(runtime, found)
    async with runtime.database.transaction(user_id) as session:
        await forgetting.stop_runs(session, user_id=user_id)
        runs = await queries.stop_imports(session, user_id=user_id)
        shows = await forgetting.shows_touched(session, user_id=user_id)
        plays = await count_events(session, user_id=user_id)
        await forgetting.delete_connection(session, user_id=user_id)
        await users.retire_id(session, user_id=user_id, now=runtime.clock.now())
        await queries.erase(session, user_id=user_id)
    await _forget(runtime, runs=runs, shows=shows)
    log.info("account_erased", user_id=user_id)
    return plays


async def _demand_expendable(runtime: Runtime, user: User) -> None:
    if user.role != Role.OWNER:
        return
    async with runtime.database.scheduling(write=False) as session:
        if await queries.used_by_others_all_users(session, but=UserId(user.id)):
            raise OwnerStays


async def _forget(runtime: Runtime, *, runs: Sequence[UUID], shows: set[str]) -> None:
    """Delete what the database does not: files, and catalogue rows that nobody follows."""
    for run_id in runs:
        uploads.remove(runtime.settings, run_id)
    if shows:
        async with runtime.database.scheduling() as session:
            await forgetting.delete_unfollowed_all_users(session, show_ids=sorted(shows))
    if not await queries.overwrite_deleted_all_users(runtime.database):
        log.warning("deleted_rows_not_overwritten")

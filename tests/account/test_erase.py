"""Erasing an account: nothing of it is left, wherever one looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.account.errors import NameDiffers, OwnerStays
from src.account.service import erase
from src.history import importing, uploads
from src.runtime import Runtime
from src.users.models import Role
from src.users.service import add_user as make_account
from src.users.service import issue_setup_code
from src.utils.types import UserId
from tests.account.exports import exported, without_times
from tests.account.lives import MARK, lived
from tests.api.tables import Dump, dump
from tests.factories import add_user
from tests.fixtures import DatabaseUrls
from tests.users.clients import PASSWORD, quick_passwords

SUMS = {"quota_slot", "quota_bucket", "login_throttle", "installation", "alembic_version"}
"""What may stay: counts of calls and of failed sign-ins, from which nobody can be told."""


def remains(rows: Dump) -> dict[str, list[str]]:
    """Return the rows in which a mark of the account is left, by table."""
    found = {name: [row for row in some if MARK in row.lower()] for name, some in rows.items()}
    return {name: some for name, some in found.items() if some}


def files(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file below folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()


async def test_nothing_of_an_erased_account_is_left(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """No column of any table and no file has its name, address, Spotify id or titles."""
    exports = tmp_path / "exports"
    exports.mkdir()
    await add_user(runtime, "bob")
    before = dump(database_urls)
    ada = await lived(runtime, exports)
    run_id = await importing.begin_upload(runtime, user_id=ada.user_id, name="x", size_bytes=9)
    with uploads.open_new(runtime.settings, uploads.place_for(run_id, 0)) as file:
        file.write(MARK.encode())
    empty = {name for name, some in dump(database_urls).items() if some == before[name]}
    planted = {"users", "show", "history_episode", "history_name", "api_token"}
    assert planted <= remains(dump(database_urls)).keys()
    assert set() == empty - SUMS - {"invite", "touched"}, "tables the account has nothing in"

    plays = await erase(runtime, user_id=ada.user_id, typed=f"{MARK}-ada")

    assert 8 == plays
    after = dump(database_urls)
    assert {} == remains(after)
    assert before == {**after, "installation": before["installation"]}
    for secret in (f"listener-{ada.user_id}", f"key-{ada.user_id}", f"secret-s-{ada.user_id}"):
        assert secret not in repr(after)
    folders = (runtime.settings.data_dir, tmp_path)
    left = [path for path, content in files(*folders) if MARK.encode() in content.lower()]
    assert [] == [path for path in left if exports not in path.parents]


async def test_others_keep_what_they_have(
    runtime: Runtime, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    """Every row of another account is the same before and after."""
    bob = await lived(runtime, tmp_path, "bob")
    ada = await lived(runtime, tmp_path, "ada")
    before, taken = dump(database_urls, user_id=bob.user_id), await exported(runtime, bob.user_id)

    await erase(runtime, user_id=ada.user_id, typed="ADA ")

    kept = dump(database_urls, user_id=bob.user_id)
    shared = {"show", "episode", "installation"}
    assert {name: before[name] for name in before.keys() - shared} == {
        name: kept[name] for name in kept.keys() - shared
    }
    assert without_times(taken) == without_times(await exported(runtime, bob.user_id))


@pytest.mark.parametrize("typed", ["", "somebody", "ad"])
async def test_another_name_erases_nothing(
    runtime: Runtime, database_urls: DatabaseUrls, typed: str
) -> None:
    """What is typed has to be the account's own name."""
    ada = await add_user(runtime, "ada")
    before = dump(database_urls)

    with pytest.raises(NameDiffers):
        await erase(runtime, user_id=ada, typed=typed)

    assert before == dump(database_urls)


async def _owner(runtime: Runtime, name: str) -> UserId:
    made = await make_account(runtime, name, PASSWORD, passwords=quick_passwords())
    assert Role.OWNER == made.role
    return UserId(made.id)


async def test_the_owner_leaves_last(runtime: Runtime, tmp_path: Path) -> None:
    """While others are here the owner stays; who comes after the owner owns it anew."""
    owner = await _owner(runtime, "first")
    ada = await lived(runtime, tmp_path, "ada")
    with pytest.raises(OwnerStays):
        await erase(runtime, user_id=owner, typed="first")
    assert await issue_setup_code(runtime) is None

    await erase(runtime, user_id=ada.user_id, typed="ada")
    await erase(runtime, user_id=owner, typed="first")

    assert await issue_setup_code(runtime) is not None
    assert owner < await _owner(runtime, "second")

"""A start with keys that are not those of the database is refused, and mended by the right ones."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from src.crypto import Key, Vault
from src.errors import SettingsRefused
from src.operations.fitting_keys import demand_fitting_keys
from src.operations.starting import prepared
from src.runtime import Runtime
from tests.fixtures import DatabaseUrls
from tests.users.clients import read_column

OTHER = Key(version=1, secret=Fernet.generate_key())
NEWER = Key(version=2, secret=Fernet.generate_key())


def holding(runtime: Runtime, *keys: Key) -> Runtime:
    """The same runtime with other keys."""
    return replace(runtime, vault=Vault(list(keys)))


async def starts(runtime: Runtime) -> None:
    """Begin and end as a server does."""
    async with prepared(runtime):
        pass


async def test_another_key_file_is_refused_until_the_right_one_is_back(
    runtime: Runtime, database_urls: DatabaseUrls
) -> None:
    """The first start decides; a refused one changes nothing."""
    runtime.settings.data_dir.mkdir(exist_ok=True)
    await starts(runtime)
    before = read_column(database_urls, "installation", "key_check")

    with pytest.raises(SettingsRefused, match=r"Restore that key\. If it is lost"):
        await starts(holding(runtime, OTHER))
    after = read_column(database_urls, "installation", "key_check")
    await starts(runtime)

    assert before == after != [None]


async def test_a_key_may_be_added_and_the_old_one_retired(runtime: Runtime) -> None:
    """Each start seals the text anew with the newest key it has."""
    await demand_fitting_keys(holding(runtime, OTHER))
    await demand_fitting_keys(holding(runtime, NEWER, OTHER))
    await demand_fitting_keys(holding(runtime, NEWER))

    with pytest.raises(SettingsRefused):
        await demand_fitting_keys(holding(runtime, OTHER))


async def test_lost_keys_can_be_given_up(runtime: Runtime) -> None:
    """Asked for once, the new keys are those of the database from then on."""
    await demand_fitting_keys(runtime)
    await demand_fitting_keys(holding(runtime, OTHER), accept_new=True)
    await demand_fitting_keys(holding(runtime, OTHER))

    with pytest.raises(SettingsRefused):
        await demand_fitting_keys(runtime)

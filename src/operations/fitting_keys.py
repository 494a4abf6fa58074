"""Whether the keys of this process are those that the database was sealed with."""

from src.crypto import KeyMissing, Vault
from src.errors import SettingsRefused
from src.runtime import Runtime
from src.users import queries
from src.utils.types import UserId

_NOBODY = UserId(0)
_PURPOSE = "key_check"


def opens(vault: Vault, key_check: str) -> bool:
    """Tell whether `vault` opens the text that an earlier start sealed."""
    try:
        vault.open(key_check, user_id=_NOBODY, purpose=_PURPOSE)
    except KeyMissing:
        return False
    return True


async def demand_fitting_keys(runtime: Runtime, *, accept_new: bool = False) -> None:
    """Refuse keys under which the stored tokens would not open.

    The first start on a database seals a text into it; each later one opens that and
    seals it anew with its newest key, so that an older one may be retired.

    Args:
        runtime: Its keys and its database, which is of this version.
        accept_new: Take the keys for the right ones, since the old ones are lost.

    Raises:
        SettingsRefused: They are not the keys of this database.
    """
    vault, settings = runtime.vault, runtime.settings
    async with runtime.database.shared() as session:
        found = await queries.installation(session)
        key_check = found.key_check if found is not None else None
    if key_check is not None and not accept_new and not opens(vault, key_check):
        where = "ENCRYPTION_KEYS" if settings.encryption_keys else settings.effective_key_file
        raise SettingsRefused(
            f"The encryption key in {where} does not open what this database holds, which was "
            "sealed with another one. Restore that key. If it is lost, run `playhead serve "
            "--accept-new-keys` once: everybody then connects Spotify again, and nothing else is "
            "lost."
        )
    sealed = vault.seal(_PURPOSE, user_id=_NOBODY, purpose=_PURPOSE)
    async with runtime.database.shared(write=True) as session:
        await queries.store_key_check(session, sealed=sealed.ciphertext, now=runtime.clock.now())

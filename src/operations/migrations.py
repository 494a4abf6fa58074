"""Bringing the database to the revision this program is written for."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from src.errors import SettingsRefused
from src.operations import queries

_ROOT = Path(__file__).resolve().parents[2]


def _config(url: str) -> Config:
    config = Config(_ROOT / "alembic.ini")
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def newest_revision() -> str:
    """Return the revision this program needs."""
    head = ScriptDirectory.from_config(_config("")).get_current_head()
    assert head is not None, "there is no migration"  # noqa: S101 - a broken checkout
    return head


def upgrade(url: str) -> None:
    """Migrate the database at `url` (owner role) to the newest revision; safe to repeat.

    Blocking, and it runs no network call but the database's own: inside a
    running event loop call it through `asyncio.to_thread`.
    """
    command.upgrade(_config(url), "head")


def demand_current(url: str) -> None:
    """Check that the database at `url` has the revision this program needs.

    Raises:
        SettingsRefused: It has another, or none.
    """
    found, needed = queries.revision_of(url), newest_revision()
    if found != needed:
        raise SettingsRefused(
            f"The database is at revision {found or 'none'} and this version of Playhead needs "
            f"{needed}. Run `playhead migrate` with DATABASE_OWNER_URL set, then start again."
        )


def demand_least_privilege(url: str) -> None:
    """Refuse a PostgreSQL role to which row-level security does not apply.

    Raises:
        SettingsRefused: The role is a superuser or bypasses row-level security.
    """
    name, is_superuser, bypasses = queries.role_of(url)
    if is_superuser or bypasses:
        raise SettingsRefused(
            f"DATABASE_URL connects as {name}, which row-level security does not bind. Connect as "
            "playhead_runtime; docs/howto/postgresql.md shows how to make the roles."
        )

"""`playhead migrate`."""

import click

from src.config import Settings
from src.operations.migrations import newest_revision, upgrade


@click.command("migrate")
def command() -> None:
    """Bring the database to the revision this version needs; safe to repeat.

    On PostgreSQL it connects as the owner (DATABASE_OWNER_URL). `serve` does the
    same by itself on SQLite.
    """
    settings = Settings()
    owner = settings.database_owner_url
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(owner.get_secret_value() if owner else settings.effective_database_url)
    click.echo(f"The database is at revision {newest_revision()}.")

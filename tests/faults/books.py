"""What a Playhead has stored, read from outside past all of its guards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from tests.fixtures import DatabaseUrls

OPEN = "state <> 'ended'"


@dataclass(frozen=True, slots=True)
class Books:
    """Reads one database as its owner; users are named by their place among the listeners.

    Each question is a connection of its own, so that a database may come and go.
    """

    database: DatabaseUrls

    def user_ids(self) -> list[int]:
        """Return the users in the order in which they registered."""
        return [row[0] for row in self._rows("select id from users order by id")]

    def saved_shows(self, user_id: int) -> list[str]:
        """Return the ids of the shows in a user's library, with repetitions if there are any."""
        statement = "select show_id from saved_show where user_id = :u and removed_at is null"
        return [row[0] for row in self._rows(statement, u=user_id)]

    def saved_episodes(self, user_id: int) -> list[str]:
        """Return the ids of the episodes a user saved."""
        statement = "select episode_id from saved_episode where user_id = :u and removed_at is null"
        return [row[0] for row in self._rows(statement, u=user_id)]

    def read_shows(self, user_id: int) -> list[str]:
        """Return the shows of which a page was read for a user."""
        statement = (
            "select show_id from saved_show where user_id = :u and newest_at is not null"
            " and removed_at is null"
        )
        return [row[0] for row in self._rows(statement, u=user_id)]

    def pending_shows(self) -> set[str]:
        """Return the shows of which somebody has still a page to read."""
        statement = (
            "select show_id from saved_show where newest_pending or backfill_offset is not null"
        )
        return {row[0] for row in self._rows(statement)}

    def episodes(self, show_id: str) -> list[str]:
        """Return the ids of the stored episodes of a show."""
        statement = "select id from episode where show_id = :s and removed_at is null"
        return [row[0] for row in self._rows(statement, s=show_id)]

    def attempts(self, service: str, user_id: int | None = None) -> int:
        """Count the ledger's attempts at a service (`spotify_api`, `spotify_accounts`)."""
        statement = "select count(*) from cost_entry where service = :s and outcome <> 'not_sent'"
        if user_id is not None:
            statement += " and user_id = :u"
        return int(self._rows(statement, s=service, u=user_id)[0][0])

    def repeated_attempts(self) -> int:
        """Count the attempts that stand in the ledger more than once."""
        return len(self._rows("select attempt from cost_entry group by 1 having count(*) > 1"))

    def runs(self, user_id: int) -> list[dict[str, Any]]:
        """Return a user's runs, oldest first."""
        statement = "select * from sync_run where user_id = :u order by created_at"
        return [dict(row._mapping) for row in self._rows(statement, u=user_id)]

    def open_runs(self) -> int:
        """Count the runs that have not ended."""
        return int(self._rows(f"select count(*) from sync_run where {OPEN}")[0][0])

    def unsynced(self) -> list[int]:
        """Return the users who never had a run that got through, or have one under way."""
        statement = (
            "select user_id from sync_schedule s where last_ok_at is null or exists"
            f" (select 1 from sync_run r where r.user_id = s.user_id and r.{OPEN})"
        )
        return [row[0] for row in self._rows(statement)]

    def connection(self, user_id: int) -> dict[str, Any]:
        """Return the row of a user's connection."""
        statement = "select * from spotify_connection where user_id = :u"
        return dict(self._rows(statement, u=user_id)[0]._mapping)

    def parked(self) -> list[str]:
        """Return the reasons of the buckets that were ever parked."""
        return [
            row[0] for row in self._rows("select reason from quota_bucket where reason is not null")
        ]

    def let_leases_lapse(self) -> None:
        """Do what a minute does: claims of a process that died are free again.

        Only PostgreSQL needs it; on SQLite the next process frees them at its start.
        """
        with self._connected() as connection:
            connection.execute(
                text("update sync_schedule set lease_until = now() where lease_until > now()")
            )
            connection.execute(
                text("update spotify_connection set lease_until = now() where lease_until > now()")
            )

    def _rows(self, statement: str, **values: Any) -> list[Any]:
        with self._connected() as connection:
            named = {key: value for key, value in values.items() if f":{key}" in statement}
            return list(connection.execute(text(statement), named))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(self.database.owner, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

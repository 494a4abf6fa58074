"""Statements that bypass SQLAlchemy's compiler: with many rows, it costs more than the database.

Texts are written once for both databases, with `?` for a value, and no other question mark
or percent sign. `= {ints}` and `= {texts}` hold for each element of the list in their place.
"""

# ruff: noqa: S608 - only constants of this room are put together

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult

from src.database import Session, dialect_of

_SQLITE_LIST = "in (select value from json_each(?))"


class Statement:
    """One statement, whose text never changes."""

    def __init__(self, text: str) -> None:
        on_sqlite = text.replace("= {ints}", _SQLITE_LIST).replace("= {texts}", _SQLITE_LIST)
        on_postgresql = text.replace("{ints}", "any(?::bigint[])").replace(
            "{texts}", "any(?::text[])"
        )
        self._texts = {"sqlite": on_sqlite, "postgresql": on_postgresql.replace("?", "%s")}

    async def rows(self, session: Session, *values: object) -> Sequence[Any]:
        """Execute it with these values, and return every row of the result."""
        return (await self._execute(session, values)).all()

    async def change(self, session: Session, *values: object) -> int:
        """Execute it with these values, and return how many rows it changed."""
        return (await self._execute(session, values)).rowcount

    async def many(self, session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute it for each of `rows`, UUIDs as hex digits; quick on SQLite alone."""
        if rows:
            connection = await session.connection()
            await connection.exec_driver_sql(self._texts[dialect_of(session)], list(rows))

    async def _execute(self, session: Session, values: tuple[object, ...]) -> CursorResult[Any]:
        dialect = dialect_of(session)
        if dialect == "sqlite":
            values = tuple(map(_for_sqlite, values))
        connection = await session.connection()
        return await connection.exec_driver_sql(self._texts[dialect], values)


class Insert:
    """Adds many rows at once: one by one on SQLite, which is quick, as arrays on PostgreSQL.

    Args:
        table: Where to.
        same: Columns whose values all rows share, with their types on PostgreSQL.
        columns: The others, likewise.
        conflict: What to do with rows that are there: the text after `on conflict`.
    """

    def __init__(
        self,
        table: str,
        *,
        same: Mapping[str, str],
        columns: Mapping[str, str],
        conflict: str = "do nothing",
    ) -> None:
        into = f"insert into {table} ({', '.join((*same, *columns))})"
        marks = ", ".join("?" for _ in (*same, *columns))
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        told = ", ".join((*(f"%s::{kind}" for kind in same.values()), *columns))
        conflict = f" on conflict {conflict}"
        self._texts = {
            "sqlite": f"{into} values ({marks}){conflict}",
            "postgresql": (
                f"{into} select {told} from unnest({arrays}) as told ({', '.join(columns)})"
                f"{conflict}"
            ),
        }

    async def put(self, session: Session, rows: Sequence[tuple[Any, ...]], *same: object) -> int:
        """Add `rows` and return how many came to be or were changed.

        Args:
            session: Open writing transaction.
            rows: Values of `columns`, UUIDs as hex digits.
            *same: Values of `same`.
        """
        if not rows:
            return 0
        dialect = dialect_of(session)
        values: Any
        if dialect == "sqlite":
            shared = tuple(map(_for_sqlite, same))
            values = [shared + row for row in rows]
        else:
            values = (*same, *map(list, zip(*rows, strict=True)))
        connection = await session.connection()
        return (await connection.exec_driver_sql(self._texts[dialect], values)).rowcount


def _for_sqlite(value: object) -> object:
    if isinstance(value, UUID):
        return value.hex
    return json.dumps(value) if isinstance(value, list) else value


class Uuids:
    """UUIDs on their way to and from a database's driver."""

    @staticmethod
    def stored(session: Session, value: UUID) -> UUID | str:
        """Return `value` as the driver takes it."""
        return value.hex if dialect_of(session) == "sqlite" else value

    @staticmethod
    def read(value: object) -> UUID:
        """Return the UUID that a driver gave."""
        return value if isinstance(value, UUID) else UUID(cast("str", value))

"""Everything a database holds, to compare before and after."""

import sqlite3
from collections.abc import Collection
from typing import Any

import psycopg

from src.database import Base
from tests.fixtures import DatabaseUrls

Dump = dict[str, list[str]]
"""The rows of each table, in a fixed order."""

LAST_USED = frozenset({"user_session.last_seen_at", "api_token.last_used_at"})
"""What any request may write: when its cookie or token was last used."""


def dump(urls: DatabaseUrls, *, without: Collection[str] = (), user_id: int | None = None) -> Dump:
    """Return every row, read past every guard.

    Args:
        urls: The database.
        without: Tables, or columns as `table.column`, that do not count.
        user_id: Leave out the rows of everybody else; tables of nobody stay whole.
    """
    found: Dump = {}
    for name, table in Base.metadata.tables.items():
        columns = [one.name for one in table.columns if f"{name}.{one.name}" not in without]
        if name in without:
            continue
        owner = "id" if name == "users" else "user_id"
        mine = user_id is not None and owner in table.columns
        chosen = f" where {owner} = {user_id}" if mine else ""
        quoted = ", ".join(f'"{column}"' for column in columns)
        rows = _all(urls, f'select {quoted} from "{name}"{chosen}')
        found[name] = sorted(map(repr, rows))
    return found


def changed(before: Dump, after: Dump) -> dict[str, tuple[int, int]]:
    """Return the tables that differ, with how many rows are gone and how many are new."""
    return {
        name: (len(set(before[name]) - set(after[name])), len(set(after[name]) - set(before[name])))
        for name in before
        if before[name] != after[name]
    }


def _all(urls: DatabaseUrls, statement: str) -> list[Any]:
    if urls.is_sqlite:
        file = sqlite3.connect(urls.owner.removeprefix("sqlite:///"))
        try:
            return file.execute(statement).fetchall()
        finally:
            file.close()
    with psycopg.connect(urls.owner.replace("+psycopg", "")) as connection:
        return connection.execute(statement).fetchall()

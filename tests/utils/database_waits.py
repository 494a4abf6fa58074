"""Tells whether a database is at work for this process, so that a clock can let it finish."""

import functools
from collections.abc import Callable
from typing import Any

import aiosqlite
import psycopg

_under_way = 0


def under_way() -> bool:
    """Whether a statement was sent to SQLite's thread or to PostgreSQL and has not ended."""
    return _under_way > 0


def watch() -> None:
    """Count what goes through both drivers from now on; call it once a process."""
    aiosqlite.Connection._execute = _counted(aiosqlite.Connection._execute)  # type: ignore[method-assign]
    psycopg.AsyncConnection.wait = _counted(psycopg.AsyncConnection.wait)  # type: ignore[method-assign]


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def counted(*args: object, **kwargs: object) -> Any:
        global _under_way  # noqa: PLW0603 - one count for the one process
        _under_way += 1
        try:
            return await method(*args, **kwargs)
        finally:
            _under_way -= 1

    return counted

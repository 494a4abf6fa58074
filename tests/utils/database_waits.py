"""Tells whether a database is at work for this process, so that a clock can let it finish."""

import functools
import time
from collections.abc import Callable
from typing import Any

import aiosqlite
import psycopg

_begun: dict[object, float] = {}


def under_way(*, younger_than_s: float) -> bool:
    """Whether a statement was sent to SQLite's thread or to PostgreSQL and has not ended.

    Args:
        younger_than_s: Real seconds; older ones wait for one of us, or were given up in the
            middle as tests of crashes do.
    """
    now_s = time.monotonic()
    return any(now_s - began_s < younger_than_s for began_s in _begun.values())


def watch() -> None:
    """Note what goes through both drivers from now on; call it once a process."""
    aiosqlite.Connection._execute = _noted(aiosqlite.Connection._execute)  # type: ignore[method-assign]
    psycopg.AsyncConnection.wait = _noted(psycopg.AsyncConnection.wait)  # type: ignore[method-assign]


def _noted(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def noted(*args: object, **kwargs: object) -> Any:
        mark = object()
        _begun[mark] = time.monotonic()
        try:
            return await method(*args, **kwargs)
        finally:
            del _begun[mark]

    return noted

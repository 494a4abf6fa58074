"""Small programs on the virtual loop: the runner is tested with bugs that are known."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import aiosqlite

from tests.sim.inline import Desk
from tests.sim.loop import Killed, VirtualLoop
from tests.sim.sealed import Surroundings, sealed
from tests.sim.stage import EPOCH

T = TypeVar("T")

Main = Callable[[], Coroutine[Any, Any, T]]

_abandoned: list[object] = []
"""Loops of killed programs; collecting them would run their `finally` blocks."""


def play(seed: int | str, main: Main[T], *, kill_at: int | None = None) -> tuple[T | None, int]:
    """Run a small program to its end, or until it is killed.

    Returns:
        What it returned (None if it was killed) and the steps it took.
    """
    loop = VirtualLoop(Random(f"{seed}/steps"))
    desk = Desk(Random(f"{seed}/database"), lambda _statement: None)
    around = Surroundings(
        now=lambda: EPOCH + timedelta(seconds=loop.time()),
        monotonic=loop.time,
        desk=lambda: desk,
    )
    loop.kill_at = kill_at
    with sealed(seed, around):
        task = loop.create_task(main())
        try:
            result = loop.run_until_complete(task)
        except Killed:
            _abandoned.append((loop, task))
            return None, loop.steps
        except BaseException:
            loop.close()
            raise
        loop.close()
    return result, loop.steps


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """Open a connection whose statements commit one by one; a lock is waited for."""
    async with aiosqlite.connect(path, isolation_level=None, timeout=0) as connection:
        await connection.execute("pragma journal_mode=wal")
        yield connection


async def value(connection: aiosqlite.Connection, statement: str, *values: object) -> Any:
    """Return the first column of the first row, None without one."""
    async with connection.execute(statement, values) as cursor:
        row = await cursor.fetchone()
    return None if row is None else row[0]

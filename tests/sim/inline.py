"""Database operations of aiosqlite on the loop itself, each after a seeded latency.

aiosqlite hands its operations to a queue that a thread empties. Here the queue empties
itself: in order for each connection, one operation a step, on virtual time. A busy
database is asked again, as SQLite itself would, for as long as the product lets it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

_MEAN_LATENCY_S = 0.001
_ASK_AGAIN_S = 0.005
_PATIENCE_S = 10.0  # what `Database` lets SQLite wait for another writer by default

Item = tuple["asyncio.Future[Any] | None", Callable[[], Any]]
Before = Callable[[str], None]
"""Told of each statement before it is executed; raises what the database shall answer."""


class Desk:
    """Where every connection of one process leaves its operations."""

    def __init__(self, rng: Random, before: Before) -> None:
        """Draw latencies from `rng` and ask `before` about each statement."""
        self._rng = rng
        self.before = before

    def latency_s(self) -> float:
        """Return the seconds until the next operation of a connection is done."""
        return self._rng.expovariate(1 / _MEAN_LATENCY_S)


class Inline:
    """Stands for the queue of one aiosqlite connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._items: deque[Item] = deque()
        self._since_s: float | None = None
        self._changes = 0

    def put_nowait(self, item: Item) -> None:
        """Take an operation; it is executed when those before it are."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a connection that is collected after its loop
            item[1]()
            return
        self._items.append(item)
        if len(self._items) == 1:
            loop.call_later(self._desk.latency_s(), self._go, loop)

    def _go(self, loop: asyncio.AbstractEventLoop) -> None:
        future, operation = self._items[0]
        try:
            result = self._execute(operation)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the waiter's
            if self._asks_again(error, loop):
                loop.call_later(_ASK_AGAIN_S, self._go, loop)
                return
            if future is not None and not future.done():
                future.set_exception(error)
        else:
            if future is not None and not future.done():
                future.set_result(result)
        self._since_s = None
        self._items.popleft()
        if self._items:
            loop.call_later(self._desk.latency_s(), self._go, loop)

    def _execute(self, operation: Callable[[], Any]) -> Any:
        statement = statement_of(operation)
        if statement == "commit":
            return self._commit(operation)
        self._desk.before(statement)
        return operation()

    def _commit(self, operation: Callable[[], Any]) -> Any:
        """Commit; what changed nothing writes nothing, and what cannot be written is given up."""
        raw: sqlite3.Connection = operation.func.__self__  # type: ignore[attr-defined]  # a partial
        has_changed = raw.total_changes != self._changes
        try:
            if has_changed:
                self._desk.before("commit")
        except sqlite3.OperationalError:
            raw.rollback()
            raise
        finally:
            self._changes = raw.total_changes
        return operation()

    def _asks_again(self, error: Exception, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether SQLite would still wait for the lock."""
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            return False
        if self._since_s is None:
            self._since_s = loop.time()
        return loop.time() - self._since_s < _PATIENCE_S


class NoThread:
    """Stands for the thread of an aiosqlite connection."""

    daemon = True

    def start(self) -> None:
        """There is nothing to start."""


def statement_of(operation: Callable[[], Any]) -> str:
    """Return what an operation does: its SQL text, else the name of its function."""
    arguments = getattr(operation, "args", ())
    if arguments and isinstance(arguments[0], str):
        return arguments[0]
    function = getattr(operation, "func", operation)
    return str(getattr(function, "__name__", ""))

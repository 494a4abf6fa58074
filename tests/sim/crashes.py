"""Five programs that were planted for crashes: four forget something, the fifth only seems to.

Each does a few jobs, going on where the one before it was killed, and is then judged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite

from tests.sim.small import opened, value

JOBS = 3
_ENOUGH_S = 60.0


@dataclass
class World:
    """What a killed program cannot take with it: the other side of its calls."""

    calls: int = 0


@dataclass
class Memory:
    """What a program remembers; made anew at each start, as the application is."""

    under_way: set[int] = field(default_factory=set)


Program = Callable[[Path, World], Awaitable[bool]]
"""Goes on in a folder; false if it finds in the end that something is wrong."""


async def lease_in_finally(folder: Path, world: World) -> bool:
    """Gives its lease back in `finally` alone: nobody ever takes the lease of a dead one."""
    async with _jobs(folder) as connection:
        for job in range(JOBS):
            await _wait_for_lease(connection, job)
            try:
                await asyncio.sleep(1.0)
                await connection.execute("update job set done = 1 where id = ?", (job,))
            finally:
                await connection.execute("update job set leased = 0 where id = ?", (job,))
        return bool(await value(connection, "select count(*) from job where done") == JOBS)


async def cost_in_finally(folder: Path, world: World) -> bool:
    """Writes what a call cost in `finally` alone, after the call."""
    async with _jobs(folder) as connection:
        for job in range(JOBS):
            try:
                world.calls += 1
                await asyncio.sleep(0.1)
            finally:
                await connection.execute("insert into cost values (?)", (job,))
            await connection.execute("update job set done = 1 where id = ?", (job,))
        return bool(await value(connection, "select count(*) from cost") >= world.calls)


async def two_transactions(folder: Path, world: World) -> bool:
    """Stores a job in one transaction and counts it in the next."""
    async with _jobs(folder) as connection:
        for job in range(JOBS):
            if not await value(connection, "select done from job where id = ?", job):
                await connection.execute("update job set done = 1 where id = ?", (job,))
                await connection.execute("update total set number = number + 1")
        return bool(await value(connection, "select number from total") == JOBS)


async def file_in_place(folder: Path, world: World) -> bool:
    """Writes a file in pieces where readers look for it, if it is not there yet."""
    file = folder / "report"
    if not file.exists():
        for _ in range(JOBS):
            with file.open("a", encoding="utf-8") as handle:
                handle.write("line\n")
            await asyncio.sleep(0)
    return file.read_text(encoding="utf-8") == "line\n" * JOBS


async def memory_of_its_own(folder: Path, world: World) -> bool:
    """Remembers what is under way; the next one starts without that memory, and rightly so."""
    memory = Memory()
    async with _jobs(folder) as connection:
        for job in range(JOBS):
            if job in memory.under_way:
                return False
            memory.under_way.add(job)
            await asyncio.sleep(0.5)
            await connection.execute("update job set done = 1 where id = ?", (job,))
        return bool(await value(connection, "select count(*) from job where done") == JOBS)


def _jobs(folder: Path) -> "_Jobs":
    return _Jobs(folder / "jobs.db")


@dataclass
class _Jobs:
    """The database of the jobs, made where there is none."""

    path: Path

    async def __aenter__(self) -> aiosqlite.Connection:
        self._opened = opened(self.path)
        connection = await self._opened.__aenter__()
        if await value(connection, "select count(*) from sqlite_master") == 0:
            await connection.execute("begin immediate")
            await connection.execute("create table job (id integer, leased int, done int)")
            for job in range(JOBS):
                await connection.execute("insert into job values (?, 0, 0)", (job,))
            await connection.execute("create table cost (job integer)")
            await connection.execute("create table total (number integer)")
            await connection.execute("insert into total values (0)")
            await connection.commit()
        return connection

    async def __aexit__(self, *error: object) -> None:
        await self._opened.__aexit__(None, None, None)


async def _wait_for_lease(connection: aiosqlite.Connection, job: int) -> None:
    async with asyncio.timeout(_ENOUGH_S):
        while await value(  # noqa: ASYNC110 - the planted program polls
            connection, "select leased from job where id = ?", job
        ):
            await asyncio.sleep(1.0)
    await connection.execute("update job set leased = 1 where id = ?", (job,))


FORGETFUL = (lease_in_finally, cost_in_finally, two_transactions, file_in_place)

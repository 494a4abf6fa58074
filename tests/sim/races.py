"""Five races that were planted: each returns whether it went wrong in this run."""

import asyncio
from pathlib import Path
from random import Random

from tests.sim.small import opened, value

_CALLERS = 20
_LEASE_S = 10.0
_SLOW = 0.02


async def lost_update(path: Path, rng: Random) -> bool:
    """Two add one to the same number, each reading it first."""

    async def add() -> None:
        async with opened(path) as connection:
            found = await value(connection, "select number from box")
            await connection.execute("update box set number = ?", (found + 1,))

    await _made(path)
    await asyncio.gather(add(), add())
    async with opened(path) as connection:
        return bool(await value(connection, "select number from box") != 2)


async def start_order(path: Path, rng: Random) -> bool:
    """The second believes that the first, begun before it, has put something there."""
    box: list[int] = []

    async def first() -> None:
        box.append(1)

    async def second() -> bool:
        return not box

    _, is_wrong = await asyncio.gather(first(), second())
    return bool(is_wrong)


async def double_refresh(path: Path, rng: Random) -> bool:
    """Twenty come within two seconds; who finds the token old renews it, and looks before."""
    refreshes = 0
    pauses = [rng.uniform(0.0, 2.0) for _ in range(_CALLERS)]

    async def call(pause_s: float) -> None:
        nonlocal refreshes
        await asyncio.sleep(pause_s)
        if await value(connection, "select number from box") == 0:
            refreshes += 1
            await connection.execute("update box set number = 1")

    await _made(path)
    async with opened(path) as connection:
        await asyncio.gather(*map(call, pauses))
    return refreshes > 1


async def two_step_window(path: Path, rng: Random) -> bool:
    """Five tasks; one leaves something half done for two steps, and another may look just then."""
    half_done, seen = False, False

    async def writer() -> None:
        nonlocal half_done
        await asyncio.sleep(rng.random() * 0.05)
        async with opened(path) as connection:
            half_done = True
            await value(connection, "select number from box")
            half_done = False

    async def reader() -> None:
        nonlocal seen
        await asyncio.sleep(rng.random() * 0.05)
        seen = seen or half_done

    await _made(path)
    await asyncio.gather(writer(), *(reader() for _ in range(4)))
    return seen


async def stale_writer(path: Path, rng: Random) -> bool:
    """A lease of ten seconds, a reply that may take longer, and no fence."""
    holder, wrong = 0, False

    async def work(number: int, begins_s: float) -> None:
        nonlocal holder, wrong
        await asyncio.sleep(begins_s)
        holder = number
        await asyncio.sleep(30.0 if rng.random() < _SLOW else 1.0)
        wrong = wrong or holder != number

    await asyncio.gather(work(1, 0.0), work(2, _LEASE_S + 1.0))
    return wrong


async def _made(path: Path) -> None:
    async with opened(path) as connection:
        await connection.execute("create table box (number integer)")
        await connection.execute("insert into box values (0)")


ALL = (lost_update, start_order, double_refresh, two_step_window, stale_writer)

"""Waking a server from another process."""

import asyncio
from pathlib import Path

from src.operations.waking import wake, woken_from_outside


async def test_a_waiting_server_hears_each_call(tmp_path: Path) -> None:
    """Whoever uses the same folder can ring."""
    rung = asyncio.Event()

    with woken_from_outside(tmp_path, rung.set):
        heard = await asyncio.to_thread(wake, tmp_path)
        await asyncio.wait_for(rung.wait(), timeout=5)
        rung.clear()
        again = await asyncio.to_thread(wake, tmp_path)
        await asyncio.wait_for(rung.wait(), timeout=5)

    assert (True, True) == (heard, again)


async def test_nobody_is_woken_where_nobody_listens(tmp_path: Path) -> None:
    """Neither a folder without a server nor one whose server ended answers."""
    before = wake(tmp_path)
    with woken_from_outside(tmp_path, lambda: None):
        pass
    after = wake(tmp_path)

    assert (False, False) == (before, after)

"""How many processes sync on one PostgreSQL database: as many as their shares allow for.

Each process keeps its own calls within its share of what Spotify allows a minute, so
one more than was reckoned with would lead everybody over the limit. A place is a lock
that the database holds for a connection, and drops with it however the process ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from src.errors import PlayheadError
from src.operations import queries
from src.runtime import Runtime

log = structlog.get_logger()

_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.2
_LOOK_AFTER_S = 5.0


class NoSyncPlace(PlayheadError):
    """As many processes sync on this database as share the calls a minute."""

    code = "no_sync_place"
    title = "Another process syncs"

    def __init__(self, places: int) -> None:
        """Say how to mend it."""
        other = "Another process syncs" if places == 1 else f"{places} other processes sync"
        super().__init__(
            f"{other} on this database already, and each keeps only its own calls within "
            f"Spotify's limit. End one first, or set SYNC_PROCESSES={places + 1} for all of them: "
            "they then share the calls a minute."
        )


@asynccontextmanager
async def sync_place(
    runtime: Runtime, *, places: int, patience_s: float = _PATIENCE_S
) -> AsyncIterator[None]:
    """Hold one of the places of those who sync while the block runs.

    On SQLite there is but one server, which `prepared` sees to.

    Args:
        runtime: Whose database.
        places: How many processes may sync on it at once (SYNC_PROCESSES).
        patience_s: How long an earlier process gets to end.

    Raises:
        NoSyncPlace: All were taken for so long.
    """
    if runtime.database.is_sqlite:
        yield
        return
    place = queries.Place(runtime.database.engine, places=places)
    try:
        until_s = runtime.clock.monotonic() + patience_s
        while not await place.take():
            if runtime.clock.monotonic() >= until_s:
                raise NoSyncPlace(places)
            await runtime.clock.sleep(_LOOK_AGAIN_S)
        keeper = asyncio.create_task(_keep(runtime, place))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
    finally:
        await place.leave()


async def _keep(runtime: Runtime, place: queries.Place) -> None:
    """Take the place again whenever the database has dropped it with the connection."""
    while True:
        await runtime.clock.sleep(_LOOK_AFTER_S)
        try:
            if not await place.take():
                log.error("sync_place_lost")
        except Exception as error:  # noqa: BLE001 - a database that is away is told of elsewhere
            log.warning("sync_place_not_reached", error=type(error).__name__)

"""Telling a browser how an import gets on, for as long as it listens and may."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from src.history.import_schemas import ImportReply, import_reply
from src.history.queries import observations, runs
from src.runtime import Runtime
from src.spotify import sync_stream
from src.spotify.queries.sync import is_signed_in
from src.spotify.sync_stream import Listener, SignedOut


async def follow(
    runtime: Runtime,
    listener: Listener,
    *,
    run_id: UUID,
    stopping: asyncio.Event,
    nudged: asyncio.Event,
) -> AsyncIterator[ImportReply | SignedOut]:
    """Yield an import whenever it changed, until it is over or something ends the stream.

    Each look begins with the sign-in: once that is over, elsewhere too, a `SignedOut` is
    the last to come. The stream also ends when `stopping` is set, after ten minutes, or
    when the import is gone. `nudged` makes it look at once.
    """
    clock = runtime.clock
    ends_at = clock.now() + sync_stream.LIFE
    told: ImportReply | None = None
    while clock.now() < ends_at and not stopping.is_set():
        nudged.clear()
        async with runtime.database.transaction(listener.user_id, write=False) as session:
            may_listen = await is_signed_in(
                session,
                user_id=listener.user_id,
                session_id=listener.session_id,
                token_id=listener.token_id,
                now=clock.now(),
            )
            run = await runs.run_of(session, user_id=listener.user_id, run_id=run_id)
            left = await observations.count_touched(
                session, user_id=listener.user_id, run_id=run_id
            )
        if not may_listen:
            yield SignedOut()
            return
        if run is None:
            return
        seen = import_reply(run, episodes_left=left)
        if seen != told:
            yield seen
        told = seen
        if run.state not in runs.UNDER_WAY:
            return
        await sync_stream.pause(runtime, sync_stream.LOOK_S, stopping, nudged)

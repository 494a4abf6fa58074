"""Telling a browser how a run gets on, for as long as it listens and may."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from src.errors import PlayheadError
from src.runtime import Runtime
from src.spotify.models import RunState, SyncRun
from src.spotify.queries import sync as queries
from src.utils.types import UserId

LOOK_S = 1.0
"""Seconds between looks at a run that is open."""

IDLE_LOOK_S = 5.0
"""Seconds between looks while no run is open."""

CHECK_S = 15.0
"""Seconds between looks at whether the listener is still signed in."""

LIFE = timedelta(minutes=10)
"""How long one stream lasts; browsers then connect again by themselves."""

_PER_USER = 3
_PER_PROCESS = 200


class TooManyStreams(PlayheadError):
    """As many streams are open as one user, or the process, may have."""

    status = 429
    code = "too_many_streams"
    title = "Too many open streams"


@dataclass(slots=True)
class Streams:
    """The streams open in one process, by user."""

    open: Counter[UserId] = field(default_factory=Counter)

    @contextmanager
    def enter(self, user_id: UserId) -> Iterator[None]:
        """Take a place for one stream while the block runs.

        Raises:
            TooManyStreams: There is none.
        """
        if self.open[user_id] >= _PER_USER or self.open.total() >= _PER_PROCESS:
            raise TooManyStreams(
                "This page is open too often to show progress live in all of them. Close one, or "
                "reload this one later.",
                retry_after_s=30,
            )
        self.open[user_id] += 1
        try:
            yield
        finally:
            self.open[user_id] -= 1
            if not self.open[user_id]:
                del self.open[user_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who listens, and by what they are signed in."""

    user_id: UserId
    session_id: int | None
    token_id: int | None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The last thing a listener is told when their sign-in is over."""


async def follow(
    runtime: Runtime, listener: Listener, *, stopping: asyncio.Event
) -> AsyncIterator[SyncRun | SignedOut]:
    """Yield the current or last run whenever it changed, until something ends the stream.

    Ends when the sign-in does (after a `SignedOut`), when `stopping` is set, or after
    ten minutes. No transaction is open between two looks.
    """
    clock = runtime.clock
    ends_at = clock.now() + LIFE
    check_at = clock.now()
    told: tuple[object, ...] | None = None
    while clock.now() < ends_at and not stopping.is_set():
        if clock.now() >= check_at:
            if not await _is_signed_in(runtime, listener):
                yield SignedOut()
                return
            check_at = clock.now() + timedelta(seconds=CHECK_S)
        run = await _current(runtime, listener.user_id)
        seen = _state_of(run)
        if run is not None and seen != told:
            yield run
        told = seen
        is_open = run is not None and run.state != RunState.ENDED
        await _pause(runtime, LOOK_S if is_open else IDLE_LOOK_S, stopping)


async def _is_signed_in(runtime: Runtime, listener: Listener) -> bool:
    async with runtime.database.transaction(listener.user_id, write=False) as session:
        return await queries.is_signed_in(
            session,
            user_id=listener.user_id,
            session_id=listener.session_id,
            token_id=listener.token_id,
            now=runtime.clock.now(),
        )


async def _current(runtime: Runtime, user_id: UserId) -> SyncRun | None:
    async with runtime.database.transaction(user_id, write=False) as session:
        return await queries.current_run(session, user_id=user_id)


def _state_of(run: SyncRun | None) -> tuple[object, ...] | None:
    if run is None:
        return None
    return tuple(getattr(run, name) for name in SyncRun.__table__.c.keys())  # noqa: SIM118


async def _pause(runtime: Runtime, seconds: float, stopping: asyncio.Event) -> None:
    """Wait, but not for a process that stops."""
    alarm = asyncio.ensure_future(runtime.clock.sleep(seconds))
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({alarm, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
        stop.cancel()

"""Telling a browser how a run gets on, for as long as it listens and may."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from src.database import Session
from src.errors import PlayheadError
from src.runtime import Runtime
from src.spotify.models import RunState, SyncRun
from src.spotify.queries import sync as queries
from src.utils.types import UserId

LOOK_S = 1.0
"""Seconds between looks at a run that is open."""

IDLE_LOOK_S = 5.0
"""Seconds between looks while no run is open."""

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
    """The streams open in one process: for each user, what makes them look at once."""

    open: dict[UserId, list[asyncio.Event]] = field(default_factory=dict)

    @contextmanager
    def enter(self, user_id: UserId) -> Iterator[asyncio.Event]:
        """Take a place for one stream while the block runs; it is nudged by the event.

        Raises:
            TooManyStreams: There is none.
        """
        mine = self.open.get(user_id, [])
        if len(mine) >= _PER_USER or sum(map(len, self.open.values())) >= _PER_PROCESS:
            raise TooManyStreams(
                "This page is open too often to show progress live in all of them. Close one, or "
                "reload this one later.",
                retry_after_s=30,
            )
        nudged = asyncio.Event()
        mine = self.open.setdefault(user_id, [])
        mine.append(nudged)
        try:
            yield nudged
        finally:
            mine.remove(nudged)
            if not mine:
                self.open.pop(user_id, None)

    def nudge(self, user_id: UserId) -> None:
        """Let the user's streams look at once: they did something in this process."""
        for nudged in self.open.get(user_id, []):
            nudged.set()


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
    runtime: Runtime, listener: Listener, *, stopping: asyncio.Event, nudged: asyncio.Event
) -> AsyncIterator[SyncRun | SignedOut]:
    """Yield the current or last run whenever it changed, until something ends the stream.

    Each look begins with the sign-in: once that is over, elsewhere too, a `SignedOut` is
    the last to come. The stream also ends when `stopping` is set, or after ten minutes.
    `nudged` makes it look at once. No transaction is open between two looks.
    """
    clock = runtime.clock
    ends_at = clock.now() + LIFE
    told: tuple[object, ...] | None = None
    while clock.now() < ends_at and not stopping.is_set():
        nudged.clear()
        async with runtime.database.transaction(listener.user_id, write=False) as session:
            is_signed_in = await _is_signed_in(runtime, session, listener)
            run = await queries.current_run(session, user_id=listener.user_id)
        if not is_signed_in:
            yield SignedOut()
            return
        seen = _state_of(run)
        if run is not None and seen != told:
            yield run
        told = seen
        is_open = run is not None and run.state != RunState.ENDED
        await pause(runtime, LOOK_S if is_open else IDLE_LOOK_S, stopping, nudged)


async def _is_signed_in(runtime: Runtime, session: Session, listener: Listener) -> bool:
    return await queries.is_signed_in(
        session,
        user_id=listener.user_id,
        session_id=listener.session_id,
        token_id=listener.token_id,
        now=runtime.clock.now(),
    )


def _state_of(run: SyncRun | None) -> tuple[object, ...] | None:
    if run is None:
        return None
    return tuple(getattr(run, name) for name in SyncRun.__table__.c.keys())  # noqa: SIM118


async def pause(runtime: Runtime, seconds: float, *signals: asyncio.Event) -> None:
    """Wait until the time is over or one of `signals` is set."""
    waits = [asyncio.ensure_future(runtime.clock.sleep(seconds))]
    waits += [asyncio.ensure_future(_set(signal)) for signal in signals]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _set(signal: asyncio.Event) -> None:
    await signal.wait()

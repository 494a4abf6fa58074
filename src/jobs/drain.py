"""The queue of one process: pgqueuer in memory, at work only while something is in it.

Nothing here must last: the schedule's row is the job of record, and a claim whose
process died lapses. A queue manager is made when work comes and told to stop when the
last job has ended, so that nothing polls while nothing is to be done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.types import QueueExecutionMode

from src.spotify.queries.sync import Claim
from src.utils.clock import Clock
from src.utils.types import UserId

log = structlog.get_logger()

_ENTRYPOINT = "sync"
_BATCH = 10


class Drain:
    """Works off claims, each in a job of its own."""

    def __init__(
        self, work: Callable[[Claim], Awaitable[None]], *, on_free: Callable[[], None]
    ) -> None:
        """Hold nothing yet.

        Args:
            work: What to do with a claim.
            on_free: Called whenever a job has ended.
        """
        self._work = work
        self._on_free = on_free
        self._held: set[Claim] = set()
        self._jobs: set[asyncio.Task[object]] = set()
        self._queue: PgQueuer | None = None
        self._managers: set[asyncio.Task[None]] = set()

    @property
    def held(self) -> int:
        """Claims that wait or are worked on."""
        return len(self._held)

    @property
    def managers(self) -> int:
        """Queue managers that have not ended yet."""
        return len(self._managers)

    async def put(self, claims: Sequence[Claim]) -> None:
        """Take on claims; they begin at once."""
        if not claims:
            return
        self._held.update(claims)
        queue = self._queue or self._start()
        payloads: list[bytes | None] = [
            f"{claim.user_id}:{claim.fence}".encode() for claim in claims
        ]
        await queue.qm.queries.enqueue([_ENTRYPOINT] * len(claims), payloads, [0] * len(claims))

    def _start(self) -> PgQueuer:
        queue = PgQueuer.in_memory()

        @queue.entrypoint(_ENTRYPOINT)
        async def run(job: Job) -> None:
            await self._run(job)

        manager = asyncio.create_task(
            queue.qm.run(
                batch_size=_BATCH,
                mode=QueueExecutionMode.drain,
                log_aggregation_interval=timedelta(0),
            )
        )
        self._managers.add(manager)
        manager.add_done_callback(self._manager_ended)
        self._queue = queue
        return queue

    def _manager_ended(self, manager: asyncio.Task[None]) -> None:
        """Forget a queue manager; one that died leaves its claims to lapse."""
        self._managers.discard(manager)
        if not manager.cancelled() and manager.exception() is not None:
            log.error("queue_manager_died", exc_info=manager.exception())
            self._queue = None
            self._held.clear()
            self._on_free()

    async def _run(self, job: Job) -> None:
        user_id, _, fence = (job.payload or b"").decode().partition(":")
        claim = Claim(UserId(int(user_id)), int(fence))
        task = asyncio.current_task()
        if task is not None:
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)
        try:
            await self._work(claim)
        finally:
            self._held.discard(claim)
            if not self._held and self._queue is not None:
                self._queue.shutdown.set()
                self._queue = None
            self._on_free()

    async def close(self, *, clock: Clock, grace_s: float) -> None:
        """Let the jobs under way end for `grace_s` seconds of the clock, then cancel them.

        What was cancelled is continued once its lease has lapsed.
        """
        if self._jobs:
            alarm = asyncio.ensure_future(clock.sleep(grace_s))
            ended = asyncio.ensure_future(asyncio.wait(set(self._jobs)))
            await asyncio.wait({alarm, ended}, return_when=asyncio.FIRST_COMPLETED)
            alarm.cancel()
            ended.cancel()
        for job in set(self._jobs):
            job.cancel()
        if self._queue is not None:
            self._queue.shutdown.set()
        if self._managers:
            await asyncio.wait(set(self._managers))

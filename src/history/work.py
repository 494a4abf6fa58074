"""The right to work on one run, and how far it is: what every step of an import shares."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from src.database import Session
from src.history.errors import WorkTakenOver
from src.history.queries import events as events_queries
from src.history.queries import runs as queries
from src.runtime import Runtime
from src.utils.types import UserId

LEASE_S = 60
"""Seconds after which work that wrote nothing may be taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claim on a run of a user's, and what it is done with.

    Attributes:
        runtime: Database and clock.
        user_id: Whose run.
        run_id: Which.
        fence: The claim's; a higher one in the row ends the work.
    """

    runtime: Runtime
    user_id: UserId
    run_id: UUID
    fence: int

    @property
    def now_s(self) -> int:
        """The present, UTC epoch seconds."""
        return int(self.runtime.clock.now().timestamp())

    @asynccontextmanager
    async def step(
        self, values: Mapping[str, Any] | None = None, *, derives: bool = False
    ) -> AsyncIterator[Session]:
        """Open a transaction in which the claim holds, and write `values` to the run.

        Args:
            values: Columns of the run.
            derives: Whether events or coverage change in it.

        Raises:
            WorkTakenOver: The claim does not hold any more; nothing was written.
        """
        told = {**(values or {}), "lease_until_s": self.now_s + LEASE_S}
        async with self.runtime.database.transaction(self.user_id) as session:
            held = await queries.hold(
                session, user_id=self.user_id, run_id=self.run_id, fence=self.fence, values=told
            )
            if not held:
                raise WorkTakenOver
            if derives:
                await events_queries.bump(session, user_id=self.user_id)
            yield session

    async def breathe(self) -> None:
        """Let others have the event loop."""
        await self.runtime.clock.sleep(0)

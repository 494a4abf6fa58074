"""Undoing an import: what it alone brought goes, and everything is as it was before it."""

from src.history import settling, uploads
from src.history.models import RunState
from src.history.queries import observations as stored
from src.history.work import Work

AT_ONCE = 5_000
"""Observations taken back in one transaction."""


async def undo(work: Work) -> None:
    """Take a run's observations back, and end it; safe to repeat after a kill.

    Args:
        work: The claim on a run that is being undone.

    Raises:
        WorkTakenOver: Somebody else went on with it.
    """
    user_id, run_id = work.user_id, work.run_id
    left = 1
    while left:
        async with work.step() as session:
            left = await stored.withdraw(session, user_id=user_id, run_id=run_id, limit=AT_ONCE)
        await work.breathe()
    async with work.step() as session:
        await stored.withdraw_names(session, user_id=user_id, run_id=run_id)
    await settling.settle(work, spans=())
    uploads.remove(work.runtime.settings, run_id)
    async with work.step({"state": RunState.UNDONE, "undone_s": work.now_s}) as session:
        await stored.sweep_shows(session, user_id=user_id)

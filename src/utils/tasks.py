"""Work that goes on to its end although whoever waits for it is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger()


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end, however often the caller is cancelled meanwhile.

    For what must not stop half-way, such as writing down what another service has
    already done. It has to have a ceiling of its own. The loop's own end, which
    cancels every task, ends it.

    Returns:
        What `work` returns; what it raises is raised.

    Raises:
        CancelledError: The caller was cancelled; `work` has ended all the same, and its
            failure, if any, is in the log and the cause.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})  # unlike `await task` it does not hand the cancellation on
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None or task.cancelled():
        return task.result()
    failure = task.exception()
    if failure is not None:
        log.error("work_of_a_cancelled_caller_failed", exc_info=failure)
    raise cancelled from failure

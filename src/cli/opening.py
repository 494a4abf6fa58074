"""What commands that touch the database begin with."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from src.config import Settings
from src.operations.starting import bring_up_to_date
from src.runtime import Runtime

Result = TypeVar("Result")


async def with_runtime(settings: Settings, work: Callable[[Runtime], Awaitable[Result]]) -> Result:
    """Open what `settings` describe, bring its database up to date, and do `work`."""
    runtime = Runtime.open(settings)
    try:
        await bring_up_to_date(runtime)
        return await work(runtime)
    finally:
        await runtime.close()

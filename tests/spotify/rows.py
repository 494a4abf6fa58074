"""Looking at rows from tests."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select

from src.database import Base
from src.runtime import Runtime
from src.utils.types import UserId

Row = TypeVar("Row", bound=Base)


async def select_rows(runtime: Runtime, model: type[Row], *, user_id: UserId) -> Sequence[Row]:
    """Return every row of a table that the user's session sees."""
    async with runtime.database.transaction(user_id, write=False) as session:
        statement = select(model)
        if "user_id" in model.__table__.columns:
            statement = statement.where(model.__table__.c.user_id == user_id)
        rows: Sequence[Row] = (await session.scalars(statement)).all()
        return rows

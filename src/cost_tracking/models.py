"""The record of what was spent."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from src.database import Base, BigId, UtcDateTime


class EntryKind(StrEnum):
    """Why a row stands in the ledger."""

    CHARGE = "charge"
    PRESUMED = "presumed"
    CORRECTION = "correction"


class CostEntry(Base):
    """One physical attempt, priced when it was made; rows are only ever added.

    `attempt` is the idempotency key: writing the same attempt twice changes
    nothing. `amount_micro` is in millionths of a US dollar, `day` the UTC
    accounting day, `at` the instant the attempt was handed to the wire.
    """

    __tablename__ = "cost_entry"
    __table_args__ = (
        UniqueConstraint("reservation_id", "n"),
        Index("ix_cost_entry_user_id_at", "user_id", "at"),
        Index("ix_cost_entry_at", "at"),
        {"info": {"scheduler": True}},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    attempt: Mapped[UUID] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    reservation_id: Mapped[UUID | None]
    n: Mapped[int | None]
    run_id: Mapped[UUID | None] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(Text, default=EntryKind.CHARGE)
    day: Mapped[date] = mapped_column(Date)
    service: Mapped[str] = mapped_column(Text)
    operation: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(BigInteger, default=1)
    amount_micro: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(Text)
    status: Mapped[int | None]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("cost_entry.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

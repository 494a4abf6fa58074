"""A listing may take several runs, and what a run missed is known after a kill.

Revision: 0002, after 0001. The policies of both tables cover the new columns; the
scheduler, which is granted columns by name, sees none of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty."""
    op.add_column("saved_show", sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("saved_show", sa.Column("missed_run_id", sa.Uuid(), nullable=True))
    op.add_column(
        "sync_schedule", sa.Column("listing_began_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("sync_schedule", sa.Column("listing_offset", sa.Integer(), nullable=True))
    op.add_column("sync_schedule", sa.Column("listing_total", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop the columns; listings begin again."""
    op.drop_column("sync_schedule", "listing_total")
    op.drop_column("sync_schedule", "listing_offset")
    op.drop_column("sync_schedule", "listing_began_at")
    op.drop_column("saved_show", "missed_run_id")
    op.drop_column("saved_show", "listed_at")

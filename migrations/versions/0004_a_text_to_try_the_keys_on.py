"""A sealed text by which a start finds out whether its keys are those of this database.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: the next start seals a text into it."""
    op.add_column("installation", sa.Column("key_check", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("installation", "key_check")

"""Events that are windows by time: they alone may be long, so a period has to look far for them.

Revision: 0007, after 0006. It has the column of its condition too, without which SQLite
would look at the rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WINDOWS = sa.text("certainty = 'window'")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_listening_event_windows",
        "listening_event",
        ["user_id", "ended_s", "began_s", "certainty"],
        unique=False,
        sqlite_where=_WINDOWS,
        postgresql_where=_WINDOWS,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_listening_event_windows", table_name="listening_event")

"""The scheduler sees whose sign-ins have expired, so that everybody's are swept.

Revision: 0003, after 0002. It sees owner and end of each row, and no hash or secret.
"""

from alembic import op

from migrations.tenancy import scheduler

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("user_session", "api_token", "oauth_state")


def upgrade() -> None:
    """Grant it."""
    for table in _TABLES:
        scheduler(table, select="user_id, expires_at")


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TABLES:
        op.execute(f"drop policy scheduler_reads on {table}")
        op.execute(f"revoke select (user_id, expires_at) on {table} from playhead_scheduler")

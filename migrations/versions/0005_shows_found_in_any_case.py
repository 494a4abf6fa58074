"""Shows are searched and sorted by a folded text, alike on both databases.

Revision: 0005, after 0004. `folded` is name and publisher, case-folded, with a line
break between; on PostgreSQL it is compared byte by byte, as SQLite does.
"""

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and fill it."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("show", sa.Column("folded", text, nullable=False, server_default=""))
    show = sa.table(
        "show", sa.column("id"), sa.column("name"), sa.column("publisher"), sa.column("folded")
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(show.c.id, show.c.name, show.c.publisher)).all()
    change = (
        sa.update(show).where(show.c.id == sa.bindparam("of")).values(folded=sa.bindparam("words"))
    )
    if rows:
        connection.execute(
            change, [{"of": row.id, "words": _folded(row.name, row.publisher)} for row in rows]
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("show", "folded")


def _folded(name: str, publisher: str | None) -> str:
    return normalize("NFKC", normalize("NFKC", f"{name}\n{publisher or ''}").casefold())

"""Listening history: runs and their files, observations, derived events, coverage.

Revision: 0006, after 0005. Every table has its policy; of runs, the scheduler sees what it
needs to hand them out. On PostgreSQL the index of events by time has the columns that
statistics read, so that they need not look at the rows.
"""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import scheduler, sequences, tenant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = (
    "history_run",
    "history_file",
    "history_state",
    "history_show",
    "history_episode",
    "history_name",
    "observation",
    "observation_support",
    "touched",
    "listening_event",
    "event_source",
    "history_edit",
    "coverage_span",
    "coverage",
)


def upgrade() -> None:
    """Make the tables."""
    _runs()
    _observations()
    _events()
    for table in _TABLES:
        tenant(table)
    scheduler(
        "history_run",
        select="id, user_id, state, created_s, lease_until_s, fence",
        update="lease_until_s, fence",
    )
    sequences()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "alter table listening_event drop constraint pk_listening_event,"
            " add constraint pk_listening_event primary key (user_id, ended_s, id)"
            " include (began_s, ms, episode_ref, show_ref, certainty, hidden)"
        )


def downgrade() -> None:
    """Drop them, with every listen in them."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _runs() -> None:
    op.create_table('history_run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('format', sa.Text(), nullable=True),
    sa.Column('counts', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('created_s', sa.BigInteger(), nullable=False),
    sa.Column('began_s', sa.BigInteger(), nullable=True),
    sa.Column('ended_s', sa.BigInteger(), nullable=True),
    sa.Column('undone_s', sa.BigInteger(), nullable=True),
    sa.Column('span_from_s', sa.BigInteger(), nullable=True),
    sa.Column('span_to_s', sa.BigInteger(), nullable=True),
    sa.Column('lease_until_s', sa.BigInteger(), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('total_bytes', sa.BigInteger(), nullable=False),
    sa.Column('progress_bytes', sa.BigInteger(), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_run_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history_run')),
    info={'scheduler': True}
    )
    op.create_index('ix_history_run_due', 'history_run', ['lease_until_s'], unique=False, sqlite_where=sa.text("state in ('queued', 'running', 'undoing')"), postgresql_where=sa.text("state in ('queued', 'running', 'undoing')"))
    op.create_index('ix_history_run_user_id_created_s', 'history_run', ['user_id', 'created_s'], unique=False)
    op.create_index('uq_history_run_one_open', 'history_run', ['user_id'], unique=True, sqlite_where=sa.text("state in ('queued', 'running', 'undoing')"), postgresql_where=sa.text("state in ('queued', 'running', 'undoing')"))
    op.create_table('history_file',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('received_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('path', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('member', sa.Integer(), nullable=False),
    sa.Column('offset_bytes', sa.BigInteger(), nullable=False),
    sa.Column('counts', sa.Text(), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['history_run.id'], name=op.f('fk_history_file_run_id_history_run'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_file_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('run_id', 'position', name=op.f('pk_history_file'))
    )
    op.create_table('history_state',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_state_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_history_state'))
    )


def _observations() -> None:
    op.create_table('history_show',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name_norm', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('show_id', sa.Text(), nullable=True),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_show_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history_show')),
    sa.UniqueConstraint('user_id', 'name_norm', name=op.f('uq_history_show_user_id_name_norm'))
    )
    op.create_table('history_episode',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('identity', sa.Text(), nullable=False),
    sa.Column('episode_id', sa.Text(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('show_ref', sa.BigInteger(), nullable=True),
    sa.Column('duration_ms', sa.BigInteger(), nullable=True),
    sa.Column('published_day', sa.Integer(), nullable=True),
    sa.Column('linked_to', sa.BigInteger(), nullable=True),
    sa.Column('link_reason', sa.Text(), nullable=True),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_episode_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history_episode')),
    sa.UniqueConstraint('user_id', 'identity', name=op.f('uq_history_episode_user_id_identity'))
    )
    op.create_index('ix_history_episode_linked_to', 'history_episode', ['user_id', 'linked_to'], unique=False, sqlite_where=sa.text('linked_to is not null'), postgresql_where=sa.text('linked_to is not null'))
    op.create_index('ix_history_episode_user_id_show_ref', 'history_episode', ['user_id', 'show_ref'], unique=False)
    op.create_table('history_name',
    sa.Column('user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('episode_ref', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('show_ref', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=True),
    sa.Column('named_s', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'run_id', 'episode_ref', name=op.f('pk_history_name'))
    )
    op.create_index('ix_history_name_user_id_episode_ref', 'history_name', ['user_id', 'episode_ref'], unique=False)
    op.create_index('ix_history_name_user_id_title', 'history_name', ['user_id', 'title'], unique=False)
    op.create_table('observation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger(), nullable=False),
    sa.Column('episode_ref', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('ended_s', sa.BigInteger(), nullable=False),
    sa.Column('began_s', sa.BigInteger(), nullable=False),
    sa.Column('ms', sa.BigInteger(), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('position_ms', sa.BigInteger(), nullable=True),
    sa.Column('flags', sa.Integer(), nullable=False),
    sa.Column('apart_s', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_observation')),
    sa.UniqueConstraint('user_id', 'episode_ref', 'source', 'ended_s', 'ms', 'n', 'apart_s', name='uq_observation')
    )
    op.create_table('observation_support',
    sa.Column('user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('observation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'run_id', 'observation_id', name=op.f('pk_observation_support')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_observation_support_observation_id', 'observation_support', ['observation_id'], unique=False)
    op.create_table('touched',
    sa.Column('user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('episode_ref', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'run_id', 'episode_ref', name=op.f('pk_touched'))
    )


def _events() -> None:
    op.create_table('listening_event',
    sa.Column('user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('ended_s', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('began_s', sa.BigInteger(), nullable=False),
    sa.Column('earliest_s', sa.BigInteger(), nullable=False),
    sa.Column('latest_s', sa.BigInteger(), nullable=False),
    sa.Column('ms', sa.BigInteger(), nullable=False),
    sa.Column('certainty', sa.Text(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('doubtful', sa.Boolean(), nullable=False),
    sa.Column('at_least', sa.Boolean(), nullable=False),
    sa.Column('clamped', sa.Boolean(), nullable=False),
    sa.Column('hidden', sa.Boolean(), nullable=False),
    sa.Column('episode_ref', sa.BigInteger(), nullable=False),
    sa.Column('show_ref', sa.BigInteger(), nullable=True),
    sa.Column('observation_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'ended_s', 'id', name=op.f('pk_listening_event')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_listening_event_user_id_episode_ref', 'listening_event', ['user_id', 'episode_ref'], unique=False)
    op.create_index('uq_listening_event_user_id_id', 'listening_event', ['user_id', 'id'], unique=True)
    op.create_table('event_source',
    sa.Column('user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('observation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('episode_ref', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'event_id', 'observation_id', name=op.f('pk_event_source')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_event_source_user_id_episode_ref', 'event_source', ['user_id', 'episode_ref'], unique=False)
    op.create_table('history_edit',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('key_a', sa.Uuid(), nullable=False),
    sa.Column('key_b', sa.Uuid(), nullable=True),
    sa.Column('identity', sa.Text(), nullable=False),
    sa.Column('created_s', sa.BigInteger(), nullable=False),
    sa.Column('revoked_s', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_history_edit_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_history_edit'))
    )
    op.create_index('ix_history_edit_user_id_created_s', 'history_edit', ['user_id', 'created_s'], unique=False)
    op.create_table('coverage_span',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('from_s', sa.BigInteger(), nullable=False),
    sa.Column('to_s', sa.BigInteger(), nullable=False),
    sa.Column('class', sa.Text(), nullable=False),
    sa.Column('asked', sa.Integer(), nullable=True),
    sa.Column('known', sa.Integer(), nullable=True),
    sa.Column('cause', sa.Text(), nullable=True),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['history_run.id'], name=op.f('fk_coverage_span_run_id_history_run'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_coverage_span_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coverage_span'))
    )
    op.create_index('ix_coverage_span_user_id_run_id', 'coverage_span', ['user_id', 'run_id'], unique=False)
    op.create_table('coverage',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('from_s', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('to_s', sa.BigInteger(), nullable=False),
    sa.Column('class', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_coverage_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'from_s', name=op.f('pk_coverage'))
    )

"""The first tables: users, connections, library, schedule and costs.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import revision as readable_revision
from migrations.tenancy import scheduler, sequences, shared, tenant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table together with its policy."""
    _users()
    _library()
    _spotify()
    _cost()
    sequences()
    readable_revision()


def downgrade() -> None:
    """Drop every table; only an empty installation would want this."""
    for table in (
        "cost_entry",
        "quota_slot",
        "quota_bucket",
        "sync_run",
        "sync_schedule",
        "oauth_state",
        "spotify_connection",
        "play",
        "saved_episode",
        "saved_show",
        "episode",
        "show",
        "login_throttle",
        "invite",
        "installation",
        "audit_event",
        "api_token",
        "user_session",
        "users",
    ):
        op.drop_table(table)


def _users() -> None:
    op.create_table('users',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('name', name=op.f('uq_users_name')),
    info={'key': 'name'}
    )
    op.create_index('uq_users_one_owner', 'users', ['role'], unique=True, sqlite_where=sa.text("role = 'owner'"), postgresql_where=sa.text("role = 'owner'"))
    tenant("users", owner="id", key="name")
    op.create_table('user_session',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('proved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_agent', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_session_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_session')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_user_session_token_hash')),
    info={'key': 'token_hash'}
    )
    op.create_index(op.f('ix_user_session_user_id'), 'user_session', ['user_id'], unique=False)
    tenant("user_session", key="token_hash")
    op.create_table('api_token',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token_hash', sa.Text(), nullable=False),
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('scopes', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_api_token_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_token_token_hash')),
    info={'key': 'token_hash'}
    )
    op.create_index(op.f('ix_api_token_user_id'), 'api_token', ['user_id'], unique=False)
    tenant("api_token", key="token_hash")
    op.create_table('audit_event',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_audit_event_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_event'))
    )
    op.create_index(op.f('ix_audit_event_user_id'), 'audit_event', ['user_id'], unique=False)
    tenant("audit_event", runtime="select, insert")
    op.create_table('installation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owned', sa.Boolean(), nullable=False),
    sa.Column('setup_code_hash', sa.Text(), nullable=True),
    sa.Column('setup_code_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_installation_single')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_installation'))
    )
    shared("installation")
    op.create_table('invite',
    sa.Column('code_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_invite'))
    )
    shared("invite")
    op.create_table('login_throttle',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('level', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_login_throttle'))
    )
    shared("login_throttle", scheduler="select, delete")


def _library() -> None:
    op.create_table('show',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('publisher', sa.Text(), nullable=True),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('languages', sa.Text(), nullable=False),
    sa.Column('media_type', sa.Text(), nullable=True),
    sa.Column('explicit', sa.Boolean(), nullable=False),
    sa.Column('image_url', sa.Text(), nullable=True),
    sa.Column('total_episodes', sa.Integer(), nullable=True),
    sa.Column('list_order', sa.Text(), nullable=False),
    sa.Column('misses', sa.Integer(), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_show'))
    )
    shared("show", runtime="select, insert, update", scheduler="select, delete")
    op.create_table('episode',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('show_id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('duration_ms', sa.BigInteger(), nullable=True),
    sa.Column('release_date', sa.Text(), nullable=False),
    sa.Column('release_precision', sa.Text(), nullable=False),
    sa.Column('explicit', sa.Boolean(), nullable=False),
    sa.Column('playable', sa.Boolean(), nullable=False),
    sa.Column('languages', sa.Text(), nullable=False),
    sa.Column('image_url', sa.Text(), nullable=True),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('misses', sa.Integer(), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['show_id'], ['show.id'], name=op.f('fk_episode_show_id_show'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_episode'))
    )
    op.create_index('ix_episode_show_id_release', 'episode', ['show_id', 'release_date', 'id'], unique=False)
    shared("episode", runtime="select, insert, update")
    op.create_table('saved_show',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('show_id', sa.Text(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('misses', sa.Integer(), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('newest_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('newest_pending', sa.Boolean(), nullable=False),
    sa.Column('listed_total', sa.Integer(), nullable=True),
    sa.Column('backfill_offset', sa.Integer(), nullable=True),
    sa.Column('pass_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['show_id'], ['show.id'], name=op.f('fk_saved_show_show_id_show')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_saved_show_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'show_id', name=op.f('pk_saved_show')),
    info={'scheduler': True}
    )
    op.create_index('ix_saved_show_show_id', 'saved_show', ['show_id'], unique=False)
    tenant("saved_show")
    scheduler("saved_show", select="user_id, show_id")
    op.create_table('saved_episode',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('episode_id', sa.Text(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('misses', sa.Integer(), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['episode_id'], ['episode.id'], name=op.f('fk_saved_episode_episode_id_episode')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_saved_episode_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'episode_id', name=op.f('pk_saved_episode')),
    info={'scheduler': True}
    )
    op.create_index('ix_saved_episode_episode_id', 'saved_episode', ['episode_id'], unique=False)
    tenant("saved_episode")
    scheduler("saved_episode", select="user_id, episode_id")
    op.create_table('play',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('episode_id', sa.Text(), nullable=False),
    sa.Column('show_id', sa.Text(), nullable=False),
    sa.Column('fully_played', sa.Boolean(), nullable=False),
    sa.Column('position_ms', sa.BigInteger(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['episode_id'], ['episode.id'], name=op.f('fk_play_episode_id_episode'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_play_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'episode_id', name=op.f('pk_play')),
    info={'scheduler': True}
    )
    op.create_index('ix_play_episode_id', 'play', ['episode_id'], unique=False)
    op.create_index('ix_play_user_id_show_id', 'play', ['user_id', 'show_id'], unique=False)
    tenant("play")
    scheduler("play", select="user_id, episode_id")


def _spotify() -> None:
    op.create_table('spotify_connection',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('spotify_id', sa.Text(), nullable=False),
    sa.Column('account_key', sa.Text(), nullable=False),
    sa.Column('display_name', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('lapsed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('access_sealed', sa.Text(), nullable=False),
    sa.Column('refresh_sealed', sa.Text(), nullable=False),
    sa.Column('key_version', sa.Integer(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('connected_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('consented_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('consent_notice_days', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_spotify_connection_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_spotify_connection')),
    sa.UniqueConstraint('account_key', name=op.f('uq_spotify_connection_account_key')),
    info={'scheduler': True}
    )
    tenant("spotify_connection")
    scheduler("spotify_connection", select="user_id, state, lapsed_at, consented_at, consent_notice_days")
    op.create_table('oauth_state',
    sa.Column('state_hash', sa.Text(), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('session_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('verifier_sealed', sa.Text(), nullable=False),
    sa.Column('redirect_uri', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['session_id'], ['user_session.id'], name=op.f('fk_oauth_state_session_id_user_session'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_oauth_state_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('state_hash', name=op.f('pk_oauth_state')),
    info={'key': 'state_hash'}
    )
    op.create_index(op.f('ix_oauth_state_user_id'), 'oauth_state', ['user_id'], unique=False)
    tenant("oauth_state", key="state_hash")
    op.create_table('sync_schedule',
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('next_sync_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('interval_hours', sa.Integer(), nullable=True),
    sa.Column('paused', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('requested', sa.Boolean(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_ok_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sync_schedule_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_sync_schedule')),
    info={'scheduler': True}
    )
    op.create_index('ix_sync_schedule_due', 'sync_schedule', ['next_sync_at'], unique=False, postgresql_where=sa.text('active'), sqlite_where=sa.text('active'))
    tenant("sync_schedule")
    scheduler(
        "sync_schedule",
        select="user_id, account, next_sync_at, paused, active, requested, fence, lease_until",
        update="fence, lease_until",
    )
    op.create_table('sync_run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('trigger', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('phase', sa.Text(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_sync_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('max_calls', sa.Integer(), nullable=False),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('cost_micro', sa.BigInteger(), nullable=False),
    sa.Column('shows_total', sa.Integer(), nullable=False),
    sa.Column('shows_done', sa.Integer(), nullable=False),
    sa.Column('episodes_stored', sa.Integer(), nullable=False),
    sa.Column('episodes_new', sa.Integer(), nullable=False),
    sa.Column('plays_changed', sa.Integer(), nullable=False),
    sa.Column('quarantined', sa.Integer(), nullable=False),
    sa.Column('newest_pending', sa.Integer(), nullable=False),
    sa.Column('backfill_pending', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sync_run_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_run'))
    )
    op.create_index('ix_sync_run_user_id_started_at', 'sync_run', ['user_id', 'created_at'], unique=False)
    op.create_index('uq_sync_run_one_open', 'sync_run', ['user_id'], unique=True, sqlite_where=sa.text("state <> 'ended'"), postgresql_where=sa.text("state <> 'ended'"))
    tenant("sync_run")
    op.create_table('quota_bucket',
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('bucket', sa.Text(), nullable=False),
    sa.Column('ceiling', sa.Integer(), nullable=False),
    sa.Column('parked_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('account', 'bucket', name=op.f('pk_quota_bucket'))
    )
    shared("quota_bucket", runtime="select, insert, update")
    op.create_table('quota_slot',
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('bucket', sa.Text(), nullable=False),
    sa.Column('slot', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'bucket', 'slot', name=op.f('pk_quota_slot'))
    )
    shared("quota_slot", scheduler="select, delete")


def _cost() -> None:
    op.create_table('cost_entry',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('attempt', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reservation_id', sa.Uuid(), nullable=True),
    sa.Column('n', sa.Integer(), nullable=True),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('service', sa.Text(), nullable=False),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('amount_micro', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('corrects_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['corrects_id'], ['cost_entry.id'], name=op.f('fk_cost_entry_corrects_id_cost_entry')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_cost_entry_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cost_entry')),
    sa.UniqueConstraint('attempt', name=op.f('uq_cost_entry_attempt')),
    sa.UniqueConstraint('reservation_id', 'n', name=op.f('uq_cost_entry_reservation_id_n')),
    info={'scheduler': True}
    )
    op.create_index('ix_cost_entry_at', 'cost_entry', ['at'], unique=False)
    op.create_index(op.f('ix_cost_entry_run_id'), 'cost_entry', ['run_id'], unique=False)
    op.create_index('ix_cost_entry_user_id_at', 'cost_entry', ['user_id', 'at'], unique=False)
    tenant("cost_entry", runtime="select, insert")
    scheduler("cost_entry", select="at, service, outcome")

"""Row-level security as migrations write it: the policy comes with the table.

Does nothing on SQLite, where the authorizer of `src.database` stands instead.
Roles: `playhead_owner` owns and migrates, `playhead_runtime` serves one user at
a time, `playhead_scheduler` finds who is due, `playhead_backup` reads all.
"""

from alembic import op

USER = "nullif(current_setting('app.user_id', true), '')::bigint"
KEY = "nullif(current_setting('app.key', true), '')"


def _run(*statements: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in statements:
            op.execute(statement)


ALL = "select, insert, update, delete"


def tenant(
    table: str, *, owner: str = "user_id", key: str | None = None, runtime: str = ALL
) -> None:
    """Close `table` to everybody but the user a session was opened for.

    Args:
        table: A table that was just created.
        owner: The column that says whose a row is.
        key: A column that proves itself: a session opened with its value sees that row.
        runtime: What may be done with rows; records are only ever added to.
    """
    mine = f"{owner} = {USER}"
    seen = f"{mine} or {key} = {KEY}" if key else mine
    # A row may be made by who it will belong to, or (users) by who knows its key.
    made = seen if owner == "id" else mine
    _run(
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy tenant on {table} to playhead_runtime using ({seen}) with check ({made})",
        f"create policy owner on {table} to playhead_owner using (true) with check (true)",
        f"create policy backup on {table} for select to playhead_backup using (true)",
        f"grant {runtime} on {table} to playhead_runtime",
        f"grant select on {table} to playhead_backup",
    )


def shared(table: str, *, runtime: str = ALL, scheduler: str = "select") -> None:
    """Open `table`, which holds nothing of any user, to the runtime and the scheduler."""
    _run(
        f"grant {runtime} on {table} to playhead_runtime",
        f"grant {scheduler} on {table} to playhead_scheduler",
        f"grant select on {table} to playhead_backup",
    )


def scheduler(table: str, *, select: str, update: str = "") -> None:
    """Let the scheduler see `select` and write `update` (column lists) of every user's rows."""
    _run(
        f"create policy scheduler_reads on {table} for select to playhead_scheduler using (true)",
        f"grant select ({select}) on {table} to playhead_scheduler",
    )
    if update:
        _run(
            f"create policy scheduler_writes on {table} for update to playhead_scheduler"
            " using (true) with check (true)",
            f"grant update ({update}) on {table} to playhead_scheduler",
        )


def sequences() -> None:
    """Let the runtime draw primary keys; call it last in each migration that adds tables."""
    _run("grant usage on all sequences in schema public to playhead_runtime")


def revision() -> None:
    """Let servers read which revision the database has; they refuse to start on another."""
    _run("grant select on alembic_version to playhead_runtime, playhead_backup")

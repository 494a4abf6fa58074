"""Properties of the whole: that it recovers, and that nothing happens which nobody foresaw."""

from datetime import timedelta
from typing import Any

from src.spotify.outcomes import GOT_THROUGH
from tests.sim.properties.property import Property, at, instant

_SURPRISES = frozenset(
    {
        "sync_failed",
        "run_broke_off",
        "background_work_failed",
        "queue_manager_died",
        "lease_not_renewed",
        "loop_error",
    }
)
_LONGEST_INTERVAL = timedelta(hours=4.5)


class NoSurprise(Property):
    """Nothing fails in a way that the product has no name for, unless its database did."""

    name = "no_surprise"

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Look for an error that nobody foresaw."""
        now_s = self.case.stage.now_s()
        if event in _SURPRISES and not self.case.is_database_at_fault(now_s):
            self.fail(f"{event} {fields}")


class EverybodySynced(Property):
    """A stated time after the last fault everybody is synced and will be again."""

    name = "everybody_synced"

    def end(self) -> None:
        """Look at each schedule and at the runs that are under way."""
        if len(self.case.script.user_ids) != self.case.stage.plan.users:
            self.fail(f"only {self.case.script.user_ids} have an account")
        for listener, user_id in self.case.users():
            self._check(listener, user_id)

    def _check(self, listener: int, user_id: int) -> None:
        [row] = self.case.rows(
            "select s.active, s.next_sync_at, s.last_ok_at, c.state from sync_schedule s"
            " join spotify_connection c using (user_id) where s.user_id = ?",
            user_id,
        )
        active, next_at, last_ok_at, state = row
        if not active or state != "active":
            self.fail(f"listener {listener}: active={active}, connection {state}")
        stage = self.case.stage
        jumped = timedelta(seconds=stage.jumped_s)
        due = at(self.case.script.last_fault_s) + jumped
        if last_ok_at is None or instant(last_ok_at) < due:
            self.fail(f"listener {listener} was last synced {last_ok_at}, faults ended {due}")
        if instant(next_at) > at(stage.now_s()) + jumped + _LONGEST_INTERVAL:
            self.fail(f"listener {listener} is due only at {next_at}")
        runs = self.case.rows(
            "select state, outcome from sync_run where user_id = ? order by created_at", user_id
        )
        if runs[-1][0] == "ended" and runs[-1][1] not in GOT_THROUGH:
            self.fail(f"listener {listener}: {runs[-1]}")

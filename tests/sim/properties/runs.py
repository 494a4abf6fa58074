"""Properties of runs: who may write, and what a report says."""

import asyncio
from typing import Any

from tests.sim.properties.property import Case, Property, instant
from tests.sim.stage import EPOCH


class OneWriter(Property):
    """A run whose claim went to another stores nothing any more."""

    name = "one_writer"

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self._holders: dict[int, asyncio.Task[Any]] = {}
        self._former: set[asyncio.Task[Any]] = set()

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Follow who calls for whom; who called before another did stores nothing since."""
        task = _task()
        if task is None:
            return
        if event == "show_page_stored" and task in self._former:
            self.fail(f"user {fields['user_id']}: stored by a run that was taken over")
        if event == "spotify_attempt" and fields.get("run_id") and task not in self._former:
            before = self._holders.get(fields["user_id"])
            if before not in {None, task}:
                self._former.add(before)
            self._holders[fields["user_id"]] = task


def _task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class ClaimsKept(Property):
    """A run keeps its claim as long as it lives, unless it stood still or its user left."""

    name = "claims_kept"
    _LEFT_S = 60.0

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Look why a run lost its claim."""
        if event != "run_taken_over":
            return
        now_s = self.case.stage.now_s()
        left_s = self.case.script.disconnected_s.get(self.case.script.listener_of(fields))
        has_left = left_s is not None and now_s - left_s <= self._LEFT_S
        if not has_left and not self.case.is_confused(now_s):
            self.fail(f"{fields}")


class Reports(Property):
    """A run's report counts the calls and the money that the ledger has of this run."""

    name = "reports"

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Compare the report of a run that just ended with the ledger."""
        if event != "sync_ended":
            return
        run_id = fields["run_id"].replace("-", "")
        [(calls, cost, started_at)] = self.case.rows(
            "select calls, cost_micro, started_at from sync_run where id = ?", run_id
        ) or [(None, None, None)]
        if calls is None or self._is_doubtful(started_at):
            return
        [spent] = self.case.rows(
            "select count(*), coalesce(sum(amount_micro), 0) from cost_entry where run_id = ?"
            " and service = 'spotify_api' and outcome <> 'not_sent'",
            run_id,
        )
        if spent != (calls, cost):
            self.fail(f"{fields}: calls and cost {(calls, cost)}, by the ledger {spent}")

    def _is_doubtful(self, started_at: str) -> bool:
        """Tell whether a row may lack, or two tasks may have counted, since a run began."""
        stage = self.case.stage
        began_s = (instant(started_at) - EPOCH).total_seconds() - stage.jumped_s
        now_s = stage.now_s()
        instants = [began_s, now_s, *(one.at_s for one in stage.exchanges if one.at_s >= began_s)]
        return any(map(self.case.is_confused, instants)) or any(
            map(self.case.is_database_at_fault, instants)
        )

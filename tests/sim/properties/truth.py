"""Properties of what is stored, against what Spotify told and what is true there."""

import json
from collections.abc import Iterator
from typing import Any

from tests.sim.properties.property import Case, Property
from tests.sim.wire import Exchange

OK = 200
_PAGES = frozenset({"/shows/{id}", "/shows/{id}/episodes"})


class Library(Property):
    """Every saved show is stored, and no show that was not saved of late."""

    name = "library"
    _SPARED = 3  # listings a show may be missing from before it has to be marked removed

    def end(self) -> None:
        """Compare each library with the truth at its last listings."""
        world = self.case.stage.simulator.world
        for listener, user_id in self.case.users():
            listings = [
                one
                for one in self.case.told_by(listener)
                if one.record.endpoint == "/me/shows" and _came(one) and self._counts(one)
            ]
            if not listings:
                self.fail(f"listener {listener}: the library was never read")
            true = [
                {world.show(saved.show).id for saved in world.saved_shows(listener, one.record.at)}
                for one in listings[-self._SPARED :]
            ]
            rows = self.case.rows(
                "select show_id from saved_show where user_id = ? and removed_at is null", user_id
            )
            stored = {row[0] for row in rows}
            if not true[-1] <= stored:
                self.fail(f"listener {listener} lost {sorted(true[-1] - stored)}")
            if not stored <= set().union(*true):
                self.fail(f"listener {listener} kept {sorted(stored - set().union(*true))}")

    def _counts(self, exchange: Exchange) -> bool:
        return not self.case.was_lost(exchange) and not self.case.is_forgotten(exchange)


class Episodes(Property):
    """Of each show exactly those episodes are stored that Spotify told of."""

    name = "episodes"

    def end(self) -> None:
        """Compare the stored episodes with every page that was read."""
        kept: dict[str, set[str]] = {}
        lost: dict[str, set[str]] = {}
        forgotten: dict[str, set[str]] = {}
        for listener, _ in self.case.users():
            for one in self.case.told_by(listener):
                into = lost if self.case.was_lost(one) else kept
                into = forgotten if self.case.is_forgotten(one) else into
                for episode, show_id in _episodes(one):
                    into.setdefault(show_id, set()).add(episode["id"])
        if self.case.script.disconnected_s:  # whoever goes takes along what nobody follows
            followed = {row[0] for row in self.case.rows("select show_id from saved_show")}
            for show_id in kept.keys() - followed:
                forgotten.setdefault(show_id, set()).update(kept.pop(show_id))
        self._compare(kept, lost, forgotten)

    def _compare(
        self,
        kept: dict[str, set[str]],
        lost: dict[str, set[str]],
        forgotten: dict[str, set[str]],
    ) -> None:
        stored: dict[str, set[str]] = {}
        for episode_id, show_id in self.case.rows("select id, show_id from episode"):
            stored.setdefault(show_id, set()).add(episode_id)
        pending = {
            row[0]
            for row in self.case.rows(
                "select show_id from saved_show where newest_pending or backfill_offset is not null"
            )
        }
        for show_id in kept.keys() | lost.keys() | stored.keys():
            told, have = kept.get(show_id, set()), stored.get(show_id, set())
            missing = lost.get(show_id, set()) - have
            if not told <= have:
                self.fail(f"show {show_id} lost {sorted(told - have)}")
            if invented := have - told - lost.get(show_id, set()) - forgotten.get(show_id, set()):
                self.fail(f"show {show_id} invented {sorted(invented)}")
            if missing - told and show_id not in pending:
                self.fail(f"show {show_id} will never read {sorted(missing)} again")


class ResumePoints(Property):
    """What is stored of a listener and an episode is what Spotify said last."""

    name = "resume_points"

    def end(self) -> None:
        """Compare each play with the last page that told of it."""
        for listener, user_id in self.case.users():
            told, doubtful = _told(self.case, listener)
            rows = self.case.rows(
                "select episode_id, fully_played, position_ms from play where user_id = ?", user_id
            )
            stored = {row[0]: (bool(row[1]), row[2]) for row in rows}
            for episode_id, point in told.items():
                have = stored.get(episode_id, (False, 0))
                if have != point and have not in doubtful.get(episode_id, []):
                    self.fail(f"listener {listener}, {episode_id}: told {point}, stored {have}")
            if extra := stored.keys() - told.keys() - doubtful.keys():
                self.fail(f"listener {listener} never heard of {sorted(extra)}")


Point = tuple[bool, int]


def _told(case: Case, listener: int) -> tuple[dict[str, Point], dict[str, list[Point]]]:
    """Return the last points told, and those told since in answers that may have been lost."""
    told: dict[str, Point] = {}
    doubtful: dict[str, list[Point]] = {}
    for one in case.told_by(listener):
        if case.is_forgotten(one):
            continue
        is_lost = case.was_lost(one)
        for episode, _ in _episodes(one):
            point = episode.get("resume_point")
            if point is None:
                continue
            said = (point["fully_played"], point["resume_position_ms"])
            if is_lost:
                doubtful.setdefault(episode["id"], []).append(said)
            else:
                told[episode["id"]] = said
                doubtful.pop(episode["id"], None)
    return told, doubtful


def _came(exchange: Exchange) -> bool:
    return exchange.arrived and exchange.status == OK


def _episodes(exchange: Exchange) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the episodes of an answer that came whole, each with the id of its show."""
    endpoint = exchange.record.endpoint
    if not _came(exchange) or endpoint not in _PAGES | {"/me/episodes"}:
        return
    told = json.loads(exchange.body)
    if endpoint == "/me/episodes":
        for item in told["items"]:
            episode = item["episode"]
            if episode and episode.get("id") and episode.get("show"):
                yield episode, episode["show"]["id"]
        return
    show_id = exchange.record.path.split("/")[3]
    page = told["episodes"] if endpoint == "/shows/{id}" else told
    for episode in page["items"]:
        if episode and episode.get("id"):
            yield episode, show_id

"""Properties of what is stored, against what Spotify told and what is true there."""

from collections.abc import Iterator
from typing import Any

from tests.sim.properties.property import Case, Property
from tests.sim.wire import Exchange

_PAGES = frozenset({"/shows/{id}", "/shows/{id}/episodes"})
_PENDING = """
select s.show_id from saved_show s join show on show.id = s.show_id
where s.removed_at is not null or s.newest_pending or s.backfill_offset is not null
or total_episodes <> (
    select count(*) from episode e where e.show_id = s.show_id and e.removed_at is null
)
"""
"""Shows that will be read again: also those whose episodes do not add up."""


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
                into = lost if _was_lost(self.case, one) else kept
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
        pending = {row[0] for row in self.case.rows(_PENDING)}
        for show_id in kept.keys() | lost.keys() | stored.keys():
            told, have = kept.get(show_id, set()), stored.get(show_id, set())
            missing = {id_ for id_ in lost.get(show_id, set()) - have if self._exists(id_)}
            if not told <= have:
                self.fail(f"show {show_id} lost {sorted(told - have)}")
            if invented := have - told - lost.get(show_id, set()) - forgotten.get(show_id, set()):
                self.fail(f"show {show_id} invented {sorted(invented)}")
            if missing - told and show_id not in pending:
                self.fail(f"show {show_id} will never read {sorted(missing)} again")

    def _exists(self, episode_id: str) -> bool:
        """Tell whether an episode can still be read."""
        simulator = self.case.stage.simulator
        place = simulator.world.episode_by_id(episode_id)
        return place is not None and simulator.world.episode_exists(*place, simulator.clock.now())


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
        is_lost = _was_lost(case, one)
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


def _was_lost(case: Case, exchange: Exchange) -> bool:
    """Tell whether an answer need not be stored: it was lost, or is another page than asked for."""
    if case.was_lost(exchange):
        return True
    return exchange.came and bool(exchange.offset) and exchange.json["offset"] != exchange.offset


def _episodes(exchange: Exchange) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the episodes of an answer that came whole, each with the id of its show."""
    endpoint = exchange.record.endpoint
    if not exchange.came or endpoint not in _PAGES | {"/me/episodes"}:
        return
    told = exchange.json
    if endpoint == "/me/episodes":
        for item in told["items"]:
            episode = item and item["episode"]
            if episode and episode.get("id") and episode.get("show"):
                yield episode, episode["show"]["id"]
        return
    show_id = exchange.record.path.split("/")[3]
    page = told["episodes"] if endpoint == "/shows/{id}" else told
    for episode in page["items"]:
        if episode and episode.get("id"):
            yield episode, show_id

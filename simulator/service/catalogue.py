"""Shows and episodes as one call sees them."""

from __future__ import annotations

from simulator.service.call import Call, Page, Refused
from simulator.service.fragments import (
    UNHEARD,
    FragmentCache,
    WithoutResumePoint,
    episode_head,
    resume_part,
    show_head,
)
from simulator.service.ids import malformed
from simulator.service.paging import NullItems, asked, envelope
from simulator.service.reply import Reply, api_error
from simulator.service.state import State
from simulator.world.types import EpisodeFacts, ShowFacts

EMBEDDED = 50


class Catalogue:
    """Answers about shows and episodes; keeps what it encoded."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._world = state.world
        self._kept = FragmentCache()
        quirks = state.settings.quirks
        self._without = WithoutResumePoint(state.settings.seed, on=quirks.missing_resume_points)

    def show(self, show: int, call: Call) -> bytes:
        """Encode a show without its episodes."""
        return self._show_head(show, call) + b"}"

    def episode(self, show: int, number: int, call: Call, *, position_zero: bool = False) -> bytes:
        """Encode an episode with its show.

        Args:
            show: Index of the show.
            number: Episode within the show.
            call: The request; its listener's resume point is told.
            position_zero: True to tell a resume position of 0, as players do.
        """
        head = self._episode_head(show, number, call)
        point = self._resume(show, number, call, position_zero=position_zero)
        return b'%s%s,"show":%s}' % (head, point, self.show(show, call))

    def simple_episode(self, show: int, number: int, call: Call) -> bytes:
        """Encode an episode without its show."""
        head = self._episode_head(show, number, call)
        return b"%s%s}" % (head, self._resume(show, number, call))

    def one_show(self, call: Call, show_id: str) -> Reply:
        """Answer `/shows/{id}`: the show and its first 50 episodes."""
        show = self.find_show(show_id, call)
        page = self._episodes(show, call, Page(EMBEDDED, 0))
        return Reply(200, b'%s,"episodes":%s}' % (self._show_head(show.index, call), page))

    def show_episodes(self, call: Call, show_id: str) -> Reply:
        """Answer `/shows/{id}/episodes`: one page in the show's own order."""
        show = self.find_show(show_id, call)
        return Reply(200, self._episodes(show, call, asked(self._state, call)))

    def one_episode(self, call: Call, episode_id: str) -> Reply:
        """Answer `/episodes/{id}`."""
        found = self.find_episode(episode_id, call)
        return Reply(200, self.episode(found.show, found.number, call))

    def find_show(self, show_id: str, call: Call) -> ShowFacts:
        """Return the show of an identifier.

        Raises:
            Refused: 400 for text that is no identifier, 404 for an unknown one.
        """
        if malformed(show_id):
            raise Refused(api_error(400, "Invalid base62 id"))
        index = self._world.show_by_id(show_id)
        if index is None or not self._world.show_exists(index, call.at):
            raise Refused(api_error(404, "non existing id"))
        return self._world.show(index)

    def find_episode(self, episode_id: str, call: Call) -> EpisodeFacts:
        """Return the published episode of an identifier.

        Raises:
            Refused: 400 for text that is no identifier, 404 for an unknown one.
        """
        if malformed(episode_id):
            raise Refused(api_error(400, "Invalid base62 id"))
        key = self._world.episode_by_id(episode_id)
        if key is None or not self._world.episode_exists(*key, call.at):
            raise Refused(api_error(404, "non existing id"))
        return self._world.episode(*key)

    def _episodes(self, show: ShowFacts, call: Call, page: Page) -> bytes:
        total = self._world.episode_count(show.index, call.at)
        numbers = self._world.episode_numbers(
            show.index, call.at, offset=page.offset, limit=page.limit
        )
        nulls = NullItems(self._state, call)
        items = [
            b"null"
            if nulls.hides(show.index, number)
            else self.simple_episode(show.index, number, call)
            for number in numbers
        ]
        url = f"{call.base}/v1/shows/{show.id}/episodes"
        return envelope(items, url=url, page=page, total=total)

    def _show_head(self, show: int, call: Call) -> bytes:
        extended = self._state.extended
        head = self._kept.get(
            ("show", show, extended, call.base),
            lambda: show_head(self._world.show(show), base=call.base, extended=extended),
        )
        return b'%s,"total_episodes":%d' % (head, self._world.episode_count(show, call.at))

    def _episode_head(self, show: int, number: int, call: Call) -> bytes:
        return self._kept.get(
            ("episode", show, number, call.base),
            lambda: episode_head(
                self._world.episode(show, number),
                base=call.base,
                show_id=self._world.show(show).id,
            ),
        )

    def _resume(self, show: int, number: int, call: Call, *, position_zero: bool = False) -> bytes:
        if not call.tells_position or (show, number) in self._without:
            return b""
        point = self._world.resume_point(call.listener, show, number, call.at)
        if point.position_ms == 0 and not point.fully_played:
            return UNHEARD
        return resume_part(point, position_zero=position_zero)

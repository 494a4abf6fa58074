"""Search by words of a show's name."""

from __future__ import annotations

from simulator.service.call import Call, Refused
from simulator.service.catalogue import Catalogue
from simulator.service.paging import NullItems, asked, envelope
from simulator.service.reply import Reply, api_error
from simulator.service.state import State

TYPES = ("album", "artist", "playlist", "track", "show", "episode", "audiobook")
_EPISODES_OF_A_SHOW = 20


class Search:
    """Answers `/search`; finds shows, and the newest episodes of found shows."""

    def __init__(self, state: State, catalogue: Catalogue) -> None:
        self._state = state
        self._catalogue = catalogue

    def answer(self, call: Call) -> Reply:
        """Answer one page for each type asked for; music finds nothing.

        Raises:
            Refused: 400 for a missing or wrong parameter.
        """
        words, types = self._asked(call)
        most, default = (50, 20) if self._state.extended else (10, 5)
        page = asked(self._state, call, most=most, default=default)
        nulls = NullItems(self._state, call)
        parts = []
        for kind in types:
            found = self._found(words, kind, call)
            items = [
                b"null" if nulls.hides(kind, *one) else self._item(kind, one, call)
                for one in found[page.offset : page.offset + page.limit]
            ]
            query = {"query": call.query["q"], "type": kind}
            url = f"{call.base}/v1/search"
            body = envelope(items, url=url, page=page, total=len(found), query=query)
            parts.append(b'"%ss":%s' % (kind.encode(), body))
        return Reply(200, b"{%s}" % b",".join(parts))

    def _asked(self, call: Call) -> tuple[list[str], list[str]]:
        words = call.query.get("q", "").casefold().split()
        if not words:
            raise Refused(api_error(400, "No search query"))
        if not call.query.get("type"):
            raise Refused(api_error(400, "Missing parameter type"))
        types = call.query["type"].split(",")
        for one in types:
            if one not in TYPES:
                raise Refused(api_error(400, f"Bad search type field {one}"))
        return words, list(dict.fromkeys(types))

    def _found(self, words: list[str], kind: str, call: Call) -> list[tuple[int, int]]:
        """Return (show, episode number) of every hit; -1 stands for the show."""
        if kind not in {"show", "episode"}:
            return []
        world = self._state.world
        shows = [
            index
            for index in range(self._state.settings.shows)
            if all(word in world.show(index).name.casefold() for word in words)
        ]
        if kind == "show":
            return [(index, -1) for index in shows]
        counts = {index: world.episode_count(index, call.at) for index in shows}
        return [
            (index, number)
            for index, count in counts.items()
            for number in range(count - 1, max(count - 1 - _EPISODES_OF_A_SHOW, -1), -1)
        ]

    def _item(self, kind: str, found: tuple[int, int], call: Call) -> bytes:
        show, number = found
        if kind == "show":
            return self._catalogue.show(show, call)
        return self._catalogue.simple_episode(show, number, call)

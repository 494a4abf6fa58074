"""What a listener has saved."""

from __future__ import annotations

from datetime import datetime

from simulator.service.call import Call, Refused
from simulator.service.catalogue import Catalogue
from simulator.service.fragments import tombstone
from simulator.service.paging import NullItems, asked, envelope
from simulator.service.reply import Reply, api_error, ok
from simulator.service.state import State

MOST_URIS = 40
MOST_IDS = 50


class Library:
    """Answers about saved shows and episodes."""

    def __init__(self, state: State, catalogue: Catalogue) -> None:
        self._state = state
        self._catalogue = catalogue

    def shows(self, call: Call) -> Reply:
        """Answer `/me/shows`: one page, the last saved first."""
        page = asked(self._state, call)
        saved = self._state.world.saved_shows(call.listener, call.at)
        nulls = NullItems(self._state, call)
        items = [
            b"null"
            if nulls.hides("show", one.show)
            else b'{"added_at":"%s","show":%s}'
            % (_stamp(one.added_at), self._catalogue.show(one.show, call))
            for one in saved[page.offset : page.offset + page.limit]
        ]
        url = f"{call.base}/v1/me/shows"
        return Reply(200, envelope(items, url=url, page=page, total=len(saved)))

    def episodes(self, call: Call) -> Reply:
        """Answer `/me/episodes`: one page, the last saved first."""
        page = asked(self._state, call)
        told = self._state.settings.quirks.tombstones
        saved = [
            one
            for one in self._state.world.saved_episodes(call.listener, call.at)
            if told or not one.tombstone
        ]
        nulls = NullItems(self._state, call)
        items = []
        for one in saved[page.offset : page.offset + page.limit]:
            if nulls.hides(one.show, one.number):
                items.append(b"null")
                continue
            episode = (
                tombstone(extended=self._state.extended)
                if one.tombstone
                else self._catalogue.episode(one.show, one.number, call)
            )
            items.append(b'{"added_at":"%s","episode":%s}' % (_stamp(one.added_at), episode))
        url = f"{call.base}/v1/me/episodes"
        return Reply(200, envelope(items, url=url, page=page, total=len(saved)))

    def contains_uris(self, call: Call) -> Reply:
        """Answer `/me/library/contains`: one boolean for each URI."""
        uris = [one for one in call.query.get("uris", "").split(",") if one]
        if not 1 <= len(uris) <= MOST_URIS:
            raise Refused(api_error(400, "Invalid uris"))
        held = self._held(call)
        return ok([uri.removeprefix("spotify:") in held for uri in uris])

    def contains_shows(self, call: Call) -> Reply:
        """Answer `/me/shows/contains`: one boolean for each identifier."""
        held = self._held(call)
        return ok([f"show:{one}" in held for one in ids_asked(call)])

    def contains_episodes(self, call: Call) -> Reply:
        """Answer `/me/episodes/contains`: one boolean for each identifier."""
        held = self._held(call)
        return ok([f"episode:{one}" in held for one in ids_asked(call)])

    def many_shows(self, call: Call) -> Reply:
        """Answer `/shows?ids=`: each show, or null for an unknown one."""
        items = []
        for show_id in ids_asked(call):
            try:
                one = self._catalogue.find_show(show_id, call)
            except Refused:
                items.append(b"null")
            else:
                items.append(self._catalogue.show(one.index, call))
        return Reply(200, b'{"shows":[%s]}' % b",".join(items))

    def many_episodes(self, call: Call) -> Reply:
        """Answer `/episodes?ids=`: each episode, or null for an unknown one."""
        items = []
        for episode_id in ids_asked(call):
            try:
                one = self._catalogue.find_episode(episode_id, call)
            except Refused:
                items.append(b"null")
            else:
                items.append(self._catalogue.episode(one.show, one.number, call))
        return Reply(200, b'{"episodes":[%s]}' % b",".join(items))

    def _held(self, call: Call) -> set[str]:
        """Return what is saved, as `show:{id}` and `episode:{id}`."""
        world = self._state.world
        shows = {f"show:{world.show(s.show).id}" for s in world.saved_shows(call.listener, call.at)}
        return shows | {
            f"episode:{world.episode(one.show, one.number).id}"
            for one in world.saved_episodes(call.listener, call.at)
            if not one.tombstone
        }


def ids_asked(call: Call) -> list[str]:
    """Return the identifiers of a batch call.

    Raises:
        Refused: 400 for none, or for more than 50.
    """
    asked_for = [one for one in call.query.get("ids", "").split(",") if one]
    if not asked_for:
        raise Refused(api_error(400, "Missing required field: ids"))
    if len(asked_for) > MOST_IDS:
        raise Refused(api_error(400, "Too many ids requested"))
    return asked_for


def _stamp(at: datetime) -> bytes:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()

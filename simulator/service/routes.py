"""The endpoints of the Web API: who answers, what they cost, what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.service import music
from simulator.service.call import Call
from simulator.service.catalogue import Catalogue
from simulator.service.fragments import MARKETS
from simulator.service.library import Library
from simulator.service.player import Player
from simulator.service.profile import profile
from simulator.service.reply import Reply, ok
from simulator.service.search import Search
from simulator.service.state import State
from simulator.settings import Bucket

STATE = "user-read-playback-state"
PLAYING = "user-read-currently-playing"
RECENT = "user-read-recently-played"
LIBRARY = "user-library-read"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        endpoint: Template below `/v1`, such as `/shows/{id}`.
        bucket: Quota it draws on.
        answer: Makes the reply; gets the identifier of the path, or "".
        scopes: A token needs one of them; none means any token.
        removed: True for a call that development mode no longer has.
    """

    endpoint: str
    bucket: Bucket
    answer: Callable[[Call, str], Reply]
    scopes: tuple[str, ...] = ()
    removed: bool = False


class Routes:
    """Finds the endpoint of a path."""

    def __init__(self, state: State) -> None:
        self._fixed: dict[str, Route] = {}
        self._by_id: dict[tuple[str, str], Route] = {}
        for route in _all(state):
            head, _, rest = route.endpoint.partition("/{id}")
            if head == route.endpoint:
                self._fixed[head] = route
            else:
                self._by_id[head, rest] = route

    def find(self, path: str) -> tuple[Route, str] | None:
        """Return the endpoint of a path below `/v1` and the identifier in it."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, ""
        parts = path.split("/", 3)
        if len(parts) < 3 or not parts[2]:  # noqa: PLR2004 - "", kind, id
            return None
        rest = f"/{parts[3]}" if len(parts) > 3 else ""  # noqa: PLR2004 - something behind the id
        route = self._by_id.get((f"/{parts[1]}", rest))
        return None if route is None else (route, parts[2])


def _plain(answer: Callable[[Call], Reply]) -> Callable[[Call, str], Reply]:
    return lambda call, _: answer(call)


def _all(state: State) -> list[Route]:
    catalogue = Catalogue(state)
    library, player = Library(state, catalogue), Player(state, catalogue)
    search = Search(state, catalogue)
    pages, player_calls = Bucket.SHOW_PAGES, Bucket.PLAYER
    saved, single = Bucket.LIBRARY, Bucket.CATALOGUE
    return [
        Route("/me", saved, lambda call, _: profile(state, call)),
        Route("/me/shows", saved, _plain(library.shows), (LIBRARY,)),
        Route("/me/episodes", saved, _plain(library.episodes), (LIBRARY,)),
        Route("/me/library/contains", saved, _plain(library.contains_uris), (LIBRARY,)),
        Route("/shows/{id}", pages, catalogue.one_show),
        Route("/shows/{id}/episodes", pages, catalogue.show_episodes),
        Route("/episodes/{id}", single, catalogue.one_episode),
        Route("/search", single, _plain(search.answer)),
        Route("/me/player", player_calls, _plain(player.playback), (STATE,)),
        Route(
            "/me/player/currently-playing",
            player_calls,
            _plain(player.currently_playing),
            (PLAYING, STATE),
        ),
        Route("/me/player/queue", player_calls, _plain(player.queue), (PLAYING, STATE)),
        Route(
            "/me/player/recently-played",
            player_calls,
            lambda call, _: music.recently_played(state, call),
            (RECENT,),
        ),
        Route("/shows", pages, _plain(library.many_shows), removed=True),
        Route("/episodes", single, _plain(library.many_episodes), removed=True),
        Route(
            "/me/shows/contains", saved, _plain(library.contains_shows), (LIBRARY,), removed=True
        ),
        Route(
            "/me/episodes/contains",
            saved,
            _plain(library.contains_episodes),
            (LIBRARY,),
            removed=True,
        ),
        Route("/markets", single, lambda *_: ok({"markets": MARKETS}), removed=True),
    ]

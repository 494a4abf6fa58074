"""Shows and episodes as JSON, encoded once and put together per answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from simulator.service.draws import fraction
from simulator.service.reply import encode
from simulator.world.types import EpisodeFacts, ResumePoint, ShowFacts

MOST_FRAGMENTS = 20_000
MARKETS = (
    "AT AU BE BR CA CH DE DK ES FI FR GB IE IT JP MX NL NO NZ PL PT SE US ZA".split()  # noqa: SIM905
)
MISSING_SHARE = 0.01
IMAGE_SIZES = (640, 300, 64)


class FragmentCache:
    """Encoded JSON by key, the oldest thrown out first; bounded."""

    def __init__(self, most: int = MOST_FRAGMENTS) -> None:
        self._most = most
        self._kept: dict[object, bytes] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: object, make: Callable[[], bytes]) -> bytes:
        """Return the fragment of `key`, made by `make` when it is not kept."""
        found = self._kept.get(key)
        if found is None:
            found = make()
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = found
        return found


def images(base: str, show_id: str) -> list[dict[str, object]]:
    """Return a show's artwork in three sizes; one drawing serves all."""
    return [
        {"height": size, "url": f"{base}/image/{show_id}.svg?size={size}", "width": size}
        for size in IMAGE_SIZES
    ]


def show_head(show: ShowFacts, *, base: str, extended: bool) -> bytes:
    """Encode a show up to its number of episodes, without the last brace.

    Args:
        show: The show.
        base: Scheme and host the client called.
        extended: True to tell what development mode leaves out.
    """
    told: dict[str, object] = {}
    if extended:
        told["available_markets"] = MARKETS
    told |= {
        "copyrights": [],
        "description": show.description,
        "explicit": show.explicit,
        "external_urls": {"spotify": f"https://open.spotify.com/show/{show.id}"},
        "href": f"{base}/v1/shows/{show.id}",
        "html_description": show.html_description,
        "id": show.id,
        "images": images(base, show.id),
        "is_externally_hosted": False,
        "languages": [show.language],
        "media_type": show.media_type,
        "name": show.name,
    }
    if extended:
        told["publisher"] = show.publisher
    told |= {"type": "show", "uri": f"spotify:show:{show.id}"}
    return encode(told)[:-1]


def episode_head(episode: EpisodeFacts, *, base: str, show_id: str) -> bytes:
    """Encode an episode without resume point, show and the last brace."""
    return encode(
        {
            "audio_preview_url": None,
            "description": episode.description,
            "duration_ms": episode.duration_ms,
            "explicit": episode.explicit,
            "external_urls": {"spotify": f"https://open.spotify.com/episode/{episode.id}"},
            "href": f"{base}/v1/episodes/{episode.id}",
            "html_description": episode.html_description,
            "id": episode.id,
            "images": images(base, show_id),
            "is_externally_hosted": False,
            "is_playable": True,
            "language": episode.language,
            "languages": [episode.language],
            "name": episode.name,
            "release_date": episode.release_date,
            "release_date_precision": episode.release_date_precision,
            "type": "episode",
            "uri": f"spotify:episode:{episode.id}",
        }
    )[:-1]


def resume_part(point: ResumePoint, *, position_zero: bool = False) -> bytes:
    """Encode a resume point as a further member, with a position of 0 if told so."""
    return b',"resume_point":{"fully_played":%s,"resume_position_ms":%d}' % (
        b"true" if point.fully_played else b"false",
        0 if position_zero else point.position_ms,
    )


UNHEARD = resume_part(ResumePoint(fully_played=False, position_ms=0))


class WithoutResumePoint:
    """The one episode in a hundred that is told without a resume point.

    Args:
        seed: Start of the draws.
        on: False when every episode has one.
    """

    def __init__(self, seed: int, *, on: bool) -> None:
        self._on = on
        self._lacks = lru_cache(MOST_FRAGMENTS)(
            lambda key: fraction(seed, "resume", *key) < MISSING_SHARE
        )

    def __contains__(self, key: tuple[int, int]) -> bool:
        return self._on and self._lacks(key)


def tombstone(*, extended: bool) -> bytes:
    """Encode what is left of a saved episode that no longer exists."""
    show: dict[str, object] = {
        "copyrights": None,
        "description": None,
        "explicit": False,
        "external_urls": {"spotify": "https://open.spotify.com/show/null"},
        "href": "https://api.spotify.com/v1/shows/null",
        "html_description": None,
        "id": None,
        "images": [],
        "is_externally_hosted": None,
        "languages": [None],
        "media_type": None,
        "name": None,
    }
    if extended:
        show["publisher"] = None
    show |= {"total_episodes": None, "type": "show", "uri": None}
    return encode(
        {
            "audio_preview_url": None,
            "description": None,
            "duration_ms": None,
            "explicit": False,
            "external_urls": {"spotify": "https://open.spotify.com/episode/null"},
            "href": "https://api.spotify.com/v1/episodes/null",
            "html_description": None,
            "id": None,
            "images": [],
            "is_externally_hosted": None,
            "language": None,
            "languages": [None],
            "name": None,
            "release_date": "0000",
            "release_date_precision": "year",
            "resume_point": {"fully_played": False, "resume_position_ms": None},
            "show": show,
            "type": "episode",
            "uri": None,
        }
    )

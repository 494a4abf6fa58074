"""The other files of a download: the library, the person, and something to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.archives.homes import Home
from simulator.archives.others import tracks_of
from simulator.archives.rows import Track

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.world.still import StillWorld

READ_ME = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""A document without pages; importers have no use for it."""

_LIKED = 40


def account_papers(
    world: StillWorld, listener: int, *, at: datetime, home: Home
) -> dict[str, bytes]:
    """Return the files beside the history, by name, as they are at `at`."""
    tracks = tracks_of(world.seed)[:_LIKED]
    papers = _person(world, listener, home) | {
        "Playlist1.json": {"playlists": [_playlist(tracks[:5], f"{at:%Y-%m-%d}")]},
        "SearchQueries.json": [
            {
                "platform": "ANDROID",
                "searchTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}[UTC]",
                "searchQuery": one.artist[:6].lower(),
                "searchInteractionURIs": [one.uri],
            }
            for one in tracks[:3]
        ],
        "YourLibrary.json": _library(world, listener, tracks=tracks, at=at),
    }
    told = {
        name: json.dumps(papers[name], ensure_ascii=False, indent=2).encode()
        for name in sorted(papers)
    }
    return told | {"Read_Me_First.pdf": READ_ME}


def _person(world: StillWorld, listener: int, home: Home) -> dict[str, object]:
    return {
        "Follow.json": {"userIsFollowing": [], "userIsFollowedBy": [], "userIsBlocking": []},
        "Identity.json": {
            "displayName": world.listener(listener).display_name,
            "firstName": None,
            "lastName": None,
            "imageUrl": None,
            "largeImageUrl": None,
            "tasteMaker": False,
            "verified": False,
        },
        "Userdata.json": {
            "username": home.username,
            "email": f"listener{listener}@example.org",
            "country": home.country,
            "createdFromFacebook": False,
            "facebookUid": None,
            "birthdate": None,
            "gender": None,
        },
    }


def _playlist(tracks: list[Track], day: str) -> dict[str, object]:
    items = [
        {
            "track": {
                "trackName": one.name,
                "artistName": one.artist,
                "albumName": one.album,
                "trackUri": one.uri,
            },
            "episode": None,
            "localTrack": None,
            "addedDate": day,
        }
        for one in tracks
    ]
    return {"name": "For the road", "lastModifiedDate": day, "items": items}


def _library(
    world: StillWorld, listener: int, *, tracks: list[Track], at: datetime
) -> dict[str, object]:
    shows = [world.show(one.show) for one in world.saved_shows(listener, at)]
    episodes = [
        world.episode(one.show, one.number)
        for one in world.saved_episodes(listener, at)
        if not one.tombstone
    ]
    return {
        "tracks": [
            {"artist": one.artist, "album": one.album, "track": one.name, "uri": one.uri}
            for one in tracks
        ],
        "albums": [],
        "shows": [
            {"name": one.name, "publisher": one.publisher, "uri": f"spotify:show:{one.id}"}
            for one in shows
        ],
        "episodes": [
            {
                "name": one.name,
                "show": world.show(one.show).name,
                "uri": f"spotify:episode:{one.id}",
            }
            for one in episodes
        ],
        "bannedTracks": [],
        "artists": [],
        "bannedArtists": [],
        "other": [],
    }

"""The other files of a download: the library, the person, and something to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.archives.homes import Home
from simulator.archives.others import tracks_of

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
    """Return the files beside the history, by name."""
    person = world.listener(listener)
    tracks = tracks_of(world.seed)[:_LIKED]
    papers: dict[str, object] = {
        "Follow.json": {
            "userIsFollowing": [],
            "userIsFollowedBy": [],
            "userIsBlocking": [],
        },
        "Identity.json": {
            "displayName": person.display_name,
            "firstName": None,
            "lastName": None,
            "imageUrl": None,
            "largeImageUrl": None,
            "tasteMaker": False,
            "verified": False,
        },
        "Playlist1.json": {
            "playlists": [
                {
                    "name": "For the road",
                    "lastModifiedDate": f"{at:%Y-%m-%d}",
                    "items": [
                        {
                            "track": {
                                "trackName": one.name,
                                "artistName": one.artist,
                                "albumName": one.album,
                                "trackUri": one.uri,
                            },
                            "episode": None,
                            "localTrack": None,
                            "addedDate": f"{at:%Y-%m-%d}",
                        }
                        for one in tracks[:5]
                    ],
                }
            ]
        },
        "SearchQueries.json": [
            {
                "platform": "ANDROID",
                "searchTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}[UTC]",
                "searchQuery": one.artist[:6].lower(),
                "searchInteractionURIs": [one.uri],
            }
            for one in tracks[:3]
        ],
        "Userdata.json": {
            "username": home.username,
            "email": f"listener{listener}@example.org",
            "country": home.country,
            "createdFromFacebook": False,
            "facebookUid": None,
            "birthdate": None,
            "gender": None,
            "creationTime": f"{world.epoch:%Y-%m-%d}",
        },
        "YourLibrary.json": _library(world, listener, at=at),
    }
    told = {
        name: json.dumps(paper, ensure_ascii=False, indent=2).encode()
        for name, paper in papers.items()
    }
    return told | {"Read_Me_First.pdf": READ_ME}


def _library(world: StillWorld, listener: int, *, at: datetime) -> dict[str, object]:
    shows = [world.show(one.show) for one in world.saved_shows(listener, at)]
    episodes = [
        world.episode(one.show, one.number)
        for one in world.saved_episodes(listener, at)
        if not one.tombstone
    ]
    return {
        "tracks": [
            {"artist": one.artist, "album": one.album, "track": one.name, "uri": one.uri}
            for one in tracks_of(world.seed)[:_LIKED]
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

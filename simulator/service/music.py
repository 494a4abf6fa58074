"""Invented music, for the parts of the service that know no podcasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulator.service.call import Call, Refused
from simulator.service.draws import between, fraction, opaque
from simulator.service.fragments import MARKETS, images
from simulator.service.ids import ID_LENGTH
from simulator.service.reply import Reply, api_error, ok
from simulator.service.state import State

SLOT = timedelta(minutes=15)
KEPT = timedelta(days=7)
PLAYED_SHARE = 0.2
_FIRST = "Amber Quiet Paper Northern Velvet Hollow Second Glass".split()  # noqa: SIM905
_LAST = "Harbours Engines Lanterns Meadows Signals Orchards Tides Stairs".split()  # noqa: SIM905
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)


def recently_played(state: State, call: Call) -> Reply:
    """Answer `/me/player/recently-played`: tracks, the last heard first.

    Raises:
        Refused: 400 when both `before` and `after` are given.
    """
    page = call.page()
    if "before" in call.query and "after" in call.query:
        raise Refused(api_error(400, "Only one of before and after can be specified"))
    after = call.number("after", 0, message="Invalid after")
    before = call.number("before", 10**15 - 1, message="Invalid before")
    plays = [one for one in _plays(state, call) if after < _ms(one[0]) < before]
    chosen = plays[: page.limit]
    told: dict[str, object] = {
        "items": [_played(state, call, at=at, number=number) for at, number in chosen],
        "next": None,
        "cursors": None,
        "limit": page.limit,
        "href": f"{call.base}{call.path}?limit={page.limit}",
    }
    if chosen:
        oldest, newest = str(_ms(chosen[-1][0])), str(_ms(chosen[0][0]))
        told["cursors"] = {"after": newest, "before": oldest}
        if len(plays) > len(chosen):
            told["next"] = f"{call.base}{call.path}?before={oldest}&limit={page.limit}"
    else:
        del told["cursors"]
    return ok(told)


def track(state: State, call: Call, number: int) -> dict[str, object]:
    """Return an invented track as the service tells it.

    Args:
        state: The simulator, whose seed the music follows from.
        call: The request, for the links.
        number: Which track; any whole number.
    """
    seed = state.settings.seed
    artist = _named(seed, call, kind="artist", number=number // 7)
    album = _named(seed, call, kind="album", number=number // 3) | {
        "album_type": "album",
        "artists": [artist],
        "images": images(call.base, state.world.show(number % state.settings.shows).id),
        "release_date": f"20{between(10, 25, seed, 'album', number // 3)}-05-17",
        "release_date_precision": "day",
        "total_tracks": 3,
    }
    told = _named(seed, call, kind="track", number=number) | {
        "album": album,
        "artists": [artist],
        "disc_number": 1,
        "duration_ms": between(90_000, 420_000, seed, "track length", number),
        "explicit": False,
        "is_local": False,
        "preview_url": None,
        "track_number": number % 3 + 1,
    }
    album["available_markets"] = MARKETS if state.extended else []
    if state.extended:
        told |= {
            "available_markets": MARKETS,
            "external_ids": {"isrc": f"QZ0002{number:06d}"},
            "popularity": number % 100,
        }
    return told


def _named(seed: int, call: Call, *, kind: str, number: int) -> dict[str, object]:
    raw = opaque("", ID_LENGTH, seed, kind, number)
    made = raw.replace("-", "a").replace("_", "b")
    first = _FIRST[between(0, len(_FIRST) - 1, seed, kind, number, "first")]
    last = _LAST[between(0, len(_LAST) - 1, seed, kind, number, "last")]
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/{kind}/{made}"},
        "href": f"{call.base}/v1/{kind}s/{made}",
        "id": made,
        "name": f"{first} {last}",
        "type": kind,
        "uri": f"spotify:{kind}:{made}",
    }


def _plays(state: State, call: Call) -> list[tuple[datetime, int]]:
    """Return when which track was heard in the last week, the newest first."""
    last = (call.at - _ZERO) // SLOT
    found = []
    for slot in range(last, last - KEPT // SLOT, -1):
        draw = fraction(state.settings.seed, "music", call.listener, slot)
        at = _ZERO + slot * SLOT + timedelta(milliseconds=int(draw * 4_000_000))
        if draw < PLAYED_SHARE and at <= call.at:
            found.append((at, slot % 97))
    return found


def _played(state: State, call: Call, *, at: datetime, number: int) -> dict[str, object]:
    heard = track(state, call, number)
    album = heard["album"]
    context = None
    if isinstance(album, dict) and number % 4:
        context = {key: album[key] for key in ("type", "external_urls", "href", "uri")}
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return {"track": heard, "played_at": stamp, "context": context}


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

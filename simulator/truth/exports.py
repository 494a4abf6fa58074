"""A listener's data exports, and what an import of them is scored by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.responses import Response

from simulator.archives.defects import MIXES, Era, Form
from simulator.archives.ledger import Ledger
from simulator.archives.writing import BOTH, zipped
from simulator.world.still import StillWorld

_FORMS = {"account": (Form.ACCOUNT,), "extended": (Form.EXTENDED,), "both": BOTH}


def export(
    world: StillWorld, listener: int, *, until: datetime, query: Mapping[str, str]
) -> Response:
    """Return the zip of an export, written at `until`.

    Args:
        world: Where the listener lives.
        listener: Index of the listener.
        until: Nothing later is in it.
        query: `form` (`account`, `extended` or else `both`), `defects` (`clean`,
            `worst` or else `realistic`) and `era` (`old` or else `new`).

    Raises:
        HTTPException: 400 for another word.
        UnknownThing: No such listener.
    """
    content, _ = _written(world, listener, until=until, query=query)
    return Response(
        content,
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="my_spotify_data.zip"'},
    )


def ledger(
    world: StillWorld, listener: int, *, until: datetime, query: Mapping[str, str]
) -> dict[str, object]:
    """Return the truth behind the export of the same words: figures, streams and losses.

    Raises:
        HTTPException: 400 for another word.
        UnknownThing: No such listener.
    """
    _, behind = _written(world, listener, until=until, query=query)
    streams = [
        {
            "uri": one.title.uri,
            "show": one.title.show_name,
            "name": one.title.name,
            "start_ms": one.start_ms,
            "end_ms": one.end_ms,
            "ms": one.ms,
            "tap": one.tap,
        }
        for one in behind.streams
    ]
    return {
        "summary": behind.summary(),
        "streams": streams,
        "losses": [one._asdict() for one in behind.losses],
    }


def _written(
    world: StillWorld, listener: int, *, until: datetime, query: Mapping[str, str]
) -> tuple[bytes, Ledger]:
    return zipped(
        world,
        listener,
        until=until,
        forms=_FORMS[_word(query, "form", tuple(_FORMS), "both")],
        defects=MIXES[_word(query, "defects", tuple(MIXES), "realistic")],
        era=Era(_word(query, "era", tuple(Era), Era.NEW)),
    )


def _word(query: Mapping[str, str], name: str, known: tuple[str, ...], usual: str) -> str:
    word = query.get(name, usual)
    if word not in known:
        raise HTTPException(400, f"{name} must be one of {', '.join(known)}")
    return word

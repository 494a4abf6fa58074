"""Both data exports of one listener, as the zips Spotify sends."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

from simulator.archives.binding import Binder
from simulator.archives.defects import REALISTIC, Defects, Era, Form
from simulator.archives.homes import home_of
from simulator.archives.ledger import Ledger
from simulator.archives.others import other_rows
from simulator.archives.papers import READ_ME, account_papers
from simulator.archives.streams import streams_of
from simulator.archives.telling import Teller
from simulator.world.instants import to_ms

if TYPE_CHECKING:
    from collections.abc import Collection

    from simulator.world.still import StillWorld

ACCOUNT_DAYS = 365
"""How far back the account form reaches."""

BOTH = (Form.ACCOUNT, Form.EXTENDED)


def write(
    world: StillWorld,
    listener: int,
    *,
    into: IO[bytes],
    until: datetime,
    forms: Collection[Form] = BOTH,
    defects: Defects = REALISTIC,
    era: Era = Era.NEW,
) -> Ledger:
    """Write a listener's export as one zip and return the truth behind it.

    The same arguments give the same bytes. The extended form of a later instant
    holds every row of an earlier one, unless files are cut.

    Args:
        world: Where the listener lives.
        listener: Index of the listener.
        into: Binary file that takes the zip piece by piece; need not seek.
        until: When the export is written; nothing later is in it. Aware.
        forms: Which forms go into the zip, each in a folder of its own.
        defects: What goes wrong.
        era: Which layout the files have.

    Raises:
        UnknownThing: No such listener.
        ValueError: `until` has no time zone.
    """
    until = until.astimezone(UTC) if until.tzinfo else until
    since, home = until - timedelta(days=ACCOUNT_DAYS), home_of(world, listener)
    since_ms, until_ms = to_ms(since), to_ms(until)
    streams = streams_of(world, listener, until=until, defects=defects)
    others = other_rows(world.seed, listener, streams=streams, until_ms=until_ms, defects=defects)
    teller = Teller(world.seed, listener, defects=defects, zone=home.zone, since_ms=since_ms)
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        binder = Binder(archive, home=home, era=era, until=until, chances=teller.chances)
        for form in (it for it in BOTH if it in forms):
            rows, losses = teller.tell(form, streams)
            binder.losses += losses
            beside = [it for it in others if form is not Form.ACCOUNT or it.end_ms >= since_ms]
            binder.bind(form, rows, beside, share_cut=defects.cut_files)
            if form is Form.ACCOUNT:
                binder.add(form, account_papers(world, listener, at=until, home=home))
            else:
                binder.add(form, {"ReadMeFirst_ExtendedStreamingHistory.pdf": READ_ME})
    return Ledger(
        listener=listener,
        since=since,
        until=until,
        defects=defects,
        streams=tuple(streams),
        podcasts={form: tuple(rows) for form, rows in binder.podcasts.items()},
        losses=tuple(binder.losses),
        counts=binder.counts,
        files=tuple(binder.files),
    )


def zipped(
    world: StillWorld,
    listener: int,
    *,
    until: datetime,
    forms: Collection[Form] = BOTH,
    defects: Defects = REALISTIC,
    era: Era = Era.NEW,
) -> tuple[bytes, Ledger]:
    """Return what `write` writes, in memory, and the truth behind it."""
    into = io.BytesIO()
    ledger = write(world, listener, into=into, until=until, forms=forms, defects=defects, era=era)
    return into.getvalue(), ledger

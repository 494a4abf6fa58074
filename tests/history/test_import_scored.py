"""The simulator's exports, imported and scored against the truth they were written from."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.archives.defects import CLEAN, REALISTIC, Defects, Form
from simulator.archives.ledger import Ledger
from simulator.archives.rows import Title
from simulator.archives.writing import write
from simulator.world.world import World
from src.history.titles import identity_of_spotify, identity_of_title
from src.runtime import Runtime
from tests.history.imports import Listener

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
FORGIVEN_MS = 3_500
"""Difference of ms, for each row, that still is the same stream."""

Told = tuple[str, str, int, int]


@dataclass(frozen=True)
class Score:
    """How many streams that an export tells are in events of one form, with their ms."""

    streams: int
    once: int
    true_ms: int
    heard_ms: int


def tellings(ledger: Ledger) -> dict[Told, list[tuple[Form, int]]]:
    """Return the stream behind each row of the export, by how it is stored."""
    found: dict[Told, list[tuple[Form, int]]] = defaultdict(list)
    for form, rows in ledger.podcasts.items():
        for row in rows:
            title = row.content
            assert isinstance(title, Title)
            identity = identity_of_title(title.show_name, title.name)
            if form is Form.EXTENDED and title.uri:
                identity = identity_of_spotify(title.uri.rpartition(":")[2])
            ended_s = row.end_ms // 1000
            if form is Form.ACCOUNT:
                ended_s -= ended_s % 60
            source = "ext" if form is Form.EXTENDED else "acc"
            found[source, identity, ended_s, row.ms].append((form, row.ordinal))
    return found


def under_two_shows(ledger: Ledger) -> set[int]:
    """Return the streams whose show the two forms name differently.

    They stay two listens: evidence for a title is looked for in its own show alone, and
    only a show that changed its name between two exports differs so.
    """
    shows: dict[int, set[str]] = defaultdict(set)
    for rows in ledger.podcasts.values():
        for row in rows:
            assert isinstance(row.content, Title)
            shows[row.ordinal].add(row.content.show_name)
    return {ordinal for ordinal, names in shows.items() if len(names) > 1}


async def scored(listener: Listener, ledger: Ledger) -> Score:
    """Compare every stored event with the stream that its primary row tells of."""
    identities = {row.id: row.identity for row in await listener.rows("history_episode")}
    stored = {row.id: row for row in await listener.rows("observation")}
    behind = tellings(ledger)
    heard: dict[int, dict[Form, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in await listener.events():
        row = stored[event.observation_id]
        key = row.source, identities[row.episode_ref], row.ended_s, row.ms
        form, ordinal = behind[key].pop()
        heard[ordinal][form].append(event.ms)
    renamed = under_two_shows(ledger)
    told = [one for one in ledger.told(*Form) if one.ordinal not in renamed]
    once = sum(_is_once(ledger, one.ordinal, heard[one.ordinal]) for one in told)
    return Score(
        streams=len(told),
        once=once,
        true_ms=sum(one.ms for one in told),
        heard_ms=sum(
            sum(map(sum, forms.values()))
            for ordinal, forms in heard.items()
            if ordinal not in renamed
        ),
    )


def _is_once(ledger: Ledger, ordinal: int, heard: dict[Form, list[int]]) -> bool:
    """Tell whether events of one form hold what that form tells of a stream."""
    if len(heard) != 1:
        return False
    ((form, parts),) = heard.items()
    true_ms = sum(row.true_ms for row in ledger.podcasts[form] if row.ordinal == ordinal)
    return abs(sum(parts) - true_ms) <= FORGIVEN_MS * len(parts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defects", "least"), [(CLEAN, 1.0), (REALISTIC, 0.995)], ids=["clean", "realistic"]
)
async def test_streams_of_both_exports_are_counted_once(
    runtime: Runtime, tmp_path: Path, fault_seed: int, defects: Defects, least: float
) -> None:
    """Both forms of one listener's life, in one import, and again; worlds are drawn.

    But for shows that the two forms name differently; see `under_two_shows`.
    """
    world = World(fault_seed % 1_000_000, epoch=EPOCH, history_days=730)
    ada = await Listener.made(runtime, tmp_path)
    path = tmp_path / "export.zip"
    with path.open("wb") as file:
        ledger = write(world, 0, into=file, until=EPOCH, defects=defects)

    tally = await ada.tally(await ada.imported(path))
    score = await scored(ada, ledger)

    counts = [ledger.counts[form] for form in Form]
    assert sum(one["podcast"] for one in counts) == tally.podcasts
    assert sum(one["music"] for one in counts) == tally.music
    assert score.once >= least * score.streams > 200
    assert 1.0 == pytest.approx(score.heard_ms / score.true_ms, abs=0.0 if least == 1 else 0.01)
    assert 0 == (await ada.tally(await ada.imported(path))).new

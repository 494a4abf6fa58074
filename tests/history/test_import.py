"""Imports: what a file brings once, what it changes the second time, what an undo leaves."""

from itertools import permutations
from pathlib import Path

import pytest

from src.history import importing
from src.history.archive.reasons import BadRow
from src.history.errors import ImportRunning, NotAnExport, NotUndoable
from src.history.importer import import_files
from src.history.models import RunState
from src.runtime import Runtime
from tests.history.imports import (
    OTHER_URI,
    Listener,
    acc_row,
    ended,
    ext_row,
    track_row,
    write_json,
    write_zip,
)
from tests.history.said import at

STORED = (
    *("observation", "observation_support", "listening_event", "event_source"),
    *("history_episode", "history_show", "history_name", "touched"),
    *("coverage_span", "coverage"),
)


@pytest.fixture
async def ada(runtime: Runtime, tmp_path: Path) -> Listener:
    """A listener with nothing stored."""
    return await Listener.made(runtime, tmp_path)


@pytest.mark.parametrize("order", list(permutations(["a", "b", "a"]))[:3])
async def test_equal_rows_of_one_file_are_two_and_of_two_files_one(
    ada: Listener, order: tuple[str, ...]
) -> None:
    """Acceptance case 11: the store keeps the most that any file has, whatever the order."""
    row = acc_row("10:30", 1_200)
    files = {"a": ada.file([row, row]), "b": ada.file([row])}
    runs: list[tuple[str, object]] = []
    tallies = []
    for name in order:
        runs.append((name, await ada.imported(files[name])))
        tallies.append(await ada.tally(runs[-1][1]))  # type: ignore[arg-type]

    assert 2 == len(await ada.events())
    assert 2 == sum(tally.new for tally in tallies)
    last_a = max(place for place, name in enumerate(order) if name == "a")
    assert (0, 2) == (tallies[last_a].new, tallies[last_a].known)

    for name, run_id in runs:
        if name == "b":
            await ada.undone(run_id)  # type: ignore[arg-type]
    assert 2 == len(await ada.events())

    for name, run_id in runs:
        if name == "a":
            await ada.undone(run_id)  # type: ignore[arg-type]
    assert [0] * len(STORED) == await ada.count(*STORED)


async def test_undoing_one_format_leaves_the_other(ada: Listener) -> None:
    """Acceptance case 12: what one export alone brought goes, and then nothing is left."""
    ext = await ada.imported(ada.file([ext_row("10:30:15", 1_800_000)]))
    acc = await ada.imported(ada.file([acc_row("10:30", 1_800_000), acc_row("18:00", 60_000)]))

    assert [
        (at("10:30:15"), 1_800_000, "exact"),
        (at("18:00:30"), 60_000, "minute"),
    ] == ended(await ada.events())
    assert [1] == await ada.count("event_source")

    await ada.undone(ext)
    events = await ada.events()

    assert ["minute", "minute"] == [event.certainty for event in events]
    assert 1_860_000 == sum(event.ms for event in events)

    await ada.undone(acc)

    assert [0] * len(STORED) == await ada.count(*STORED)


async def test_the_report_tells_of_every_row(ada: Listener, tmp_path: Path) -> None:
    """Acceptance case 14, import half: rows read are new, known, or skipped for a reason."""
    good = [ext_row(f"1{n}:00:00", 60_000 + n) for n in range(7)]
    nothing = {"ts": "2024-03-10T09:00:00Z", "ms_played": 5}
    path = write_zip(
        tmp_path / "export.zip",
        {
            "MyData/endsong_0.json": [
                *good,
                ext_row("20:00:00", "abc"),
                *(track_row(f"0{n}:00") for n in range(3)),
                nothing,
            ],
            "MyData/endsong_1.json": [good[0]],
        },
    )

    tally = await ada.tally(await ada.imported(path))

    assert (13, 7, 1) == (tally.rows, tally.new, tally.known)
    assert (3, 1, {BadRow.WRONG_TYPE: 1}) == (tally.music, tally.unidentified, tally.bad)
    assert 7 == len(await ada.events())
    coverage = [(row[1], row[2], row[3]) for row in await ada.rows("coverage")]
    assert [(at("00:00"), at("16:00:00") + 1, "exact")] == coverage


async def test_the_same_file_again_changes_nothing(ada: Listener) -> None:
    """A second import of a file finds every row known, and the events stay as they are."""
    path = ada.file([ext_row("10:30:15", 1_800_000), ext_row("12:00", 5, uri=OTHER_URI)])
    await ada.imported(path)
    before = await ada.told()

    tally = await ada.tally(await ada.imported(path))

    assert (0, 2) == (tally.new, tally.known)
    assert before == await ada.told()


async def test_any_order_of_arrival_gives_the_same(runtime: Runtime, tmp_path: Path) -> None:
    """Three overlapping files in both formats, with a renamed episode, in every order."""
    renamed = ext_row("14:00:10", 700_000, uri=OTHER_URI, name="New Name")
    contents = [
        [ext_row("10:30:15", 1_800_000), renamed],
        [acc_row("10:30", 1_800_000), acc_row("14:00", 700_000, name="Old Name")],
        [ext_row("10:30:15", 1_800_000), ext_row("16:00:00", 90_000), acc_row("16:00", 90_000)],
    ]
    found = []
    for number, order in enumerate(permutations(range(3))):
        listener = await Listener.made(runtime, tmp_path, f"user{number}")
        for place in order:
            await listener.imported(listener.file(contents[place]))
        found.append(await listener.told())

    assert 3 == len(found[0])
    assert found[:1] * 6 == found


async def test_a_title_of_two_episodes_is_told_apart_by_evidence(ada: Listener) -> None:
    """Rows of which evidence tells the episode go there; all others stay with the title."""
    await ada.imported(
        ada.file([ext_row("10:00:20", 700_000), ext_row("12:00:00", 800_000, uri=OTHER_URI)])
    )
    acc = ada.file([acc_row("10:00", 700_000), acc_row("12:00", 800_000), acc_row("18:00", 99_000)])
    run_id = await ada.imported(acc)

    assert ["exact", "exact", "minute"] == [event.certainty for event in await ada.events()]
    assert [2] == await ada.count("event_source")
    assert [3] == await ada.count("history_episode")

    await ada.undone(run_id)

    assert ["exact", "exact"] == [event.certainty for event in await ada.events()]
    assert [2, 0] == await ada.count("history_episode", "event_source")


async def test_names_of_an_undone_import_go_with_it(ada: Listener) -> None:
    """A later export's name for an episode holds until that import is undone."""
    await ada.imported(ada.file([ext_row("10:00:20", 700_000, name="First")]))
    later = await ada.imported(
        ada.file([ext_row("10:00:20", 700_000, name="First"), ext_row("19:00", 1, name="Second")])
    )
    names = [row.name for row in await ada.rows("history_episode")]
    await ada.undone(later)

    assert ["Second"] == names
    assert ["First"] == [row.name for row in await ada.rows("history_episode")]


async def test_another_user_sees_nothing_of_it(ada: Listener, tmp_path: Path) -> None:
    """The same file of two users is stored twice, and undone once."""
    bob = await Listener.made(ada.runtime, tmp_path, "bob")
    path = ada.file([ext_row("10:30:15", 1_800_000)])
    run_id = await ada.imported(path)

    assert [0] * len(STORED) == await bob.count(*STORED)

    await bob.imported(path)
    await ada.undone(run_id)

    assert [0, 1] == [len(await ada.events()), len(await bob.events())]


async def test_files_that_cannot_be_used_are_told_beside_those_that_can(
    ada: Listener, tmp_path: Path
) -> None:
    """One good file makes an import; what is wrong with the other stands in its report."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")

    run_id = await ada.imported(wrong, ada.file([ext_row("10:00", 60_000)]))

    assert (1, 1) == ((await ada.tally(run_id)).new, len(await ada.events()))
    assert ["refused", "done"] == [row.state for row in await ada.rows("history_file")]
    with pytest.raises(NotAnExport):
        await ada.begun(wrong)


async def test_one_import_at_a_time(ada: Listener) -> None:
    """While one waits or runs, neither another one nor its own undoing begins."""
    path = ada.file([ext_row("10:00", 60_000)])
    work = await ada.begun(path)

    with pytest.raises(ImportRunning):
        await ada.begun(path)
    with pytest.raises(ImportRunning):
        await ada.undone(work.run_id)

    await import_files(work)
    await ada.undone(work.run_id)

    assert RunState.UNDONE == (await ada.run(work.run_id)).state
    with pytest.raises(NotUndoable):
        await ada.undone(work.run_id)


async def test_what_the_worker_cannot_read_any_more_is_told(ada: Listener) -> None:
    """A file that is gone ends the import with a reason, and it can be repeated."""
    path = ada.file([ext_row("10:00", 60_000)])
    work = await ada.begun(path)
    path.unlink()
    await import_files(work)
    run = await ada.run(work.run_id)

    assert RunState.FAILED == run.state
    assert "is not where it was" in (run.message or "")

    write_json(path, [ext_row("10:00", 60_000)])
    assert 1 == (await ada.tally(await ada.imported(path))).new


async def test_work_that_broke_off_is_claimed_when_its_lease_is_over(ada: Listener) -> None:
    """Nobody takes a run whose holder may live; afterwards anybody does, and ends it."""
    work = await ada.begun(ada.file([ext_row("10:00", 60_000)]))

    assert [] == await importing.claim_due(ada.runtime, limit=5)

    await ada.runtime.clock.step(61)  # type: ignore[attr-defined]
    (claim,) = await importing.claim_due(ada.runtime, limit=5)
    await importing.handle(ada.runtime, claim)

    assert (work.run_id, 2) == (claim.run_id, claim.fence)
    assert 1 == (await ada.tally(work.run_id)).new

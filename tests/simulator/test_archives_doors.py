"""Exports by the truth door and by command."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from simulator.__main__ import main
from simulator.archives.defects import CLEAN, Era, Form
from simulator.archives.writing import zipped
from simulator.world.world import World
from tests.simulator.archives_read import account_rows, names_in
from tests.simulator.driving import Driver

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def truth(driver: Driver) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the truth door on this machine."""
    transport = httpx2.ASGITransport(driver.simulator.truth)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1/_truth") as http:
        yield http


async def test_the_truth_hands_out_exports(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """As a zip of both forms, up to now, with the usual defects, unless asked otherwise."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    then = now - timedelta(days=30)
    usual = await truth.get("/listeners/1/export")
    asked = await truth.get(
        "/listeners/1/export",
        params={
            "form": "extended",
            "era": "old",
            "defects": "clean",
            "until": then.isoformat(),
        },
    )
    expected = zipped(world, 1, until=then, forms=(Form.EXTENDED,), defects=CLEAN, era=Era.OLD)

    assert "application/zip" == usual.headers["content-type"]
    assert "my_spotify_data.zip" in usual.headers["content-disposition"]
    assert zipped(world, 1, until=now)[0] == usual.content
    assert expected[0] == asked.content


async def test_the_truth_tells_what_is_in_an_export(truth: httpx2.AsyncClient) -> None:
    """Figures, streams and losses, for whoever scores an import from another process."""
    query = {"form": "account", "defects": "worst"}
    content = (await truth.get("/listeners/1/export", params=query)).content
    told = (await truth.get("/listeners/1/export/ledger", params=query)).json()
    summary = told["summary"]

    assert names_in(content)[0] == summary["files"][0]["name"]
    assert summary["streams"] == len(told["streams"]) > 100
    assert summary["heard_ms"] == sum(it["ms"] for it in told["streams"])
    assert sum(summary["lost_ms"]["account"].values()) == sum(it["ms"] for it in told["losses"])
    assert {"account"} == {it["form"] for it in told["losses"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/listeners/99/export", 404),
        ("/listeners/x/export", 400),
        ("/listeners/0/export?form=short", 400),
        ("/listeners/0/export?defects=some", 400),
        ("/listeners/0/export?era=middle", 400),
        ("/listeners/0/export?until=noon", 400),
        ("/listeners/0/export/ledger?form=short", 400),
    ],
)
async def test_wrong_questions_are_told_so(
    truth: httpx2.AsyncClient, path: str, status: int
) -> None:
    """In JSON, with what is wrong."""
    reply = await truth.get(path)

    assert status == reply.status_code
    assert reply.json()["error"]


async def test_a_closed_truth_hands_out_nothing(driver: Driver, truth: httpx2.AsyncClient) -> None:
    """An export is part of the truth."""
    driver.simulator.close_truth()

    assert 404 == (await truth.get("/listeners/0/export")).status_code
    assert 404 == (await truth.get("/listeners/0/export/ledger")).status_code


def test_the_command_writes_a_zip_for_each_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into a folder it makes, with the bytes that the same world gives in process."""
    out = tmp_path / "of" / "one"
    words = ["export", "--out", str(out), "--listener", "2", "--seed", "4", "--years", "2"]
    status = main([*words, "--epoch", "2026-11-01T00:00:00Z", "--defects", "clean"])
    world = World(4, epoch=EPOCH, history_days=730)
    lines = capsys.readouterr().out.splitlines()

    assert 0 == status
    assert ["my_spotify_data_account.zip", "my_spotify_data_extended.zip"] == sorted(
        path.name for path in out.iterdir()
    )
    for form in Form:
        expected, _ = zipped(world, 2, until=EPOCH, forms=(form,), defects=CLEAN)

        assert expected == (out / f"my_spotify_data_{form}.zip").read_bytes()
    assert [f"{out}/my_spotify_data_{form}.zip" for form in Form] == [
        line.split(": ")[0] for line in lines
    ]


def test_the_command_tells_figures_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a zip, up to the instant asked for."""
    words = ["export", "--out", str(tmp_path), "--form", "account", "--json"]
    main([*words, "--epoch", "2026-11-01T00:00:00Z", "--until", "2026-06-01T12:00:00+02:00"])
    told = json.loads(capsys.readouterr().out)
    rows = account_rows(Path(told["path"]).read_bytes())

    assert "2026-06-01T10:00:00+00:00" == told["until"]
    assert len(rows) == told["rows"]["account"]["podcast"]
    assert "2026-05" < max(row["endTime"] for row in rows) <= "2026-06-01 10:00"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--out", "x", "--listener", "5"],
        ["--out", "x", "--form", "short"],
        ["--out", "x", "--years", "0"],
        ["--out", "x", "--years", "21"],
        ["--out", "x", "--listeners", "none"],
        ["--out", "x", "--epoch", "noon"],
        ["--out", "x", "--until", "2026-01-01T00:00:00"],
    ],
)
def test_wrong_words_are_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With status 2, before anything is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["export", *words])

    assert 2 == ended.value.code
    assert [] == list(tmp_path.iterdir())


def test_the_help_names_the_export(capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads the help of the server learns of the other command."""
    for words, expected in ((["--help"], "export --help"), (["export", "--help"], "--out FOLDER")):
        with pytest.raises(SystemExit) as ended:
            main(words)

        assert 0 == ended.value.code
        assert expected in capsys.readouterr().out

"""The simulator's replies, held to the published description and to real samples."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from simulator.faults.board import Fault, Kind
from simulator.settings import Mode, Quirks, Settings
from tests.simulator.contract import (
    FOLDER_VARIABLE,
    Contract,
    ContractBroken,
    load_contract,
    samples_folder,
)
from tests.simulator.driving import Caller, Driver, drive

UNKNOWN = "0" * 22


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The description, shared so that the last test sees every deviation used."""
    return load_contract()


@pytest.fixture
async def checked(contract: Contract) -> AsyncIterator[Driver]:
    """A simulator each of whose Web API replies is held to the description."""
    driver = drive(
        Settings(shows=60, listeners=3, shows_per_listener=12, quirks=Quirks(null_items=True))
    )

    async def check(reply: httpx2.Response) -> None:
        await reply.aread()
        path = reply.request.url.path
        if path.startswith("/v1/"):
            told = reply.headers.get("content-type", "").startswith("application/json")
            body = reply.json() if told else None
            contract.check(reply.request.method, path, reply.status_code, body)

    driver.http.event_hooks = {"response": [check]}
    async with driver.http:
        yield driver


async def test_every_endpoint_keeps_to_the_description_in_both_modes(
    contract: Contract, checked: Driver
) -> None:
    """All described paths are answered and checked; no listed deviation is idle."""
    for mode in Mode:
        checked.simulator.state.mode = mode
        caller = await checked.connected(0)
        await _let_strange_things_happen(checked, caller)
        await _call_everything(checked, caller)

    answered = {template for template, status in contract.checked if status in {200, 204, 403}}

    assert set(contract.templates()) <= answered
    assert [] == contract.unused()


async def test_removed_calls_and_only_they_are_forbidden_in_development(
    contract: Contract, checked: Driver
) -> None:
    """The description says which calls are removed; those answer 403, no other does."""
    caller = await checked.connected(1)
    found = {}
    for template in contract.templates():
        reply = await caller.get(template.replace("{id}", UNKNOWN), q="x", type="show", uris="x:y")
        found[template] = 403 == reply.status_code

    removed = {path: "removed" == mode for path, mode in contract.templates().items()}

    assert removed == found


async def test_a_reply_that_breaks_the_contract_is_noticed(contract: Contract) -> None:
    """Neither a wrong type, an undescribed path nor a bare error gets through."""
    broken: list[tuple[str, int, object]] = [
        ("/v1/me", 200, {"id": 7}),
        ("/v1/nowhere", 200, {}),
        ("/v1/me/shows", 502, {"message": "bad gateway"}),
        ("/v1/me/shows", 200, {"items": []}),
    ]

    for path, status, body in broken:
        with pytest.raises(ContractBroken):
            contract.check("GET", path, status, body)


@pytest.mark.parametrize(
    ("sample", "fault", "path"),
    [
        ("error_404_show.json", None, f"/shows/{UNKNOWN}"),
        ("error_429_quota.json", Kind.QUOTA, f"/shows/{UNKNOWN}"),
    ],
)
async def test_errors_equal_their_samples(
    checked: Driver, sample: str, fault: Kind | None, path: str
) -> None:
    """An error's body is that of the real service, member for member."""
    caller = await checked.connected(0)
    if fault is not None:
        checked.simulator.faults.add(Fault(fault))

    reply = await caller.get(path)

    assert _sample(sample) == reply.json()


async def test_a_revoked_refresh_token_is_refused_as_in_the_sample(checked: Driver) -> None:
    """The flat error of the accounts service, member for member."""
    tokens = await checked.tokens(0)
    checked.simulator.revoke(0)

    reply = await checked.refresh(tokens["refresh_token"])

    assert 400 == reply.status_code
    assert _sample("token_refresh_revoked.json") == reply.json()


@pytest.mark.parametrize(
    ("sample", "path"),
    [
        ("saved_shows__joostlek.json", "/me/shows"),
        ("show_episodes__joostlek.json", "/shows/{show}/episodes"),
        ("saved_episodes__joostlek.json", "/me/episodes"),
        ("playback_episode_1__joostlek.json", "/me/player"),
        ("recently_played_tracks__joostlek.json", "/me/player/recently-played"),
    ],
)
async def test_replies_have_the_members_of_their_samples(
    checked: Driver, sample: str, path: str
) -> None:
    """In extended mode no member of a real reply is missing, and none is invented."""
    caller = await checked.connected(0)
    checked.simulator.state.mode = Mode.EXTENDED
    await _let_strange_things_happen(checked, caller)
    checked.simulator.faults.clear()
    show = checked.simulator.world.show(0).id

    reply = await caller.get(path.format(show=show), additional_types="episode")

    assert _members(_sample(sample)) == _members(reply.json())


async def test_absent_description_fails_only_where_ci_demands_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Without the folder tests are skipped with a reason; under CI they fail."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="can name another folder"):
        samples_folder()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="can name another folder"):
        samples_folder()


async def _let_strange_things_happen(driver: Driver, caller: Caller) -> None:
    """Bring about tombstones and null items, and let something play."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    for number in range(2):
        world.save_episode(0, 0, number, now)
    world.withdraw_episode(0, 0, now)
    world.add_play(0, 0, 1, at=now, from_ms=0, to_ms=60_000)
    driver.simulator.clock.step(20)
    driver.simulator.faults.add(Fault(Kind.NULL_ITEMS, value=0.3))
    assert "episode" == (await caller.get("/me/player")).json()["currently_playing_type"]


async def _call_everything(driver: Driver, caller: Caller) -> None:
    world, faults = driver.simulator.world, driver.simulator.faults
    show, episode = world.show(0).id, world.episode(0, 1).id
    for path in ("/me/shows", "/me/episodes", f"/shows/{show}/episodes"):
        for parameters in ({}, {"limit": 50}, {"limit": 2, "offset": 1}, {"limit": 51}):
            await caller.get(path, **parameters)
    for path in ("/me", f"/shows/{show}", f"/shows/{UNKNOWN}", f"/episodes/{episode}", "/me/"):
        await caller.get(path)
    for path in ("/me/player", "/me/player/currently-playing"):
        for kind in (None, *(one for one in Kind if one.startswith("player_"))):
            if kind is not None:
                faults.add(Fault(kind, times=1))
            await caller.get(path)
            await caller.get(path, additional_types="track,episode")
            faults.clear(kind or Kind.PLAYER_AD)
    for parameters in ({}, {"limit": 50}, {"before": 1}, {"before": 1, "after": 1}):
        await caller.get("/me/player/recently-played", **parameters)
    for path in ("/me/player/queue", "/me/library/contains"):
        await caller.get(path, uris=f"spotify:show:{show}")
    await caller.get("/me/library/contains")
    word = world.show(0).name.split()[0]
    await caller.get("/search", q=word, type="show,episode,track,album,artist,playlist,audiobook")
    for path, known in (("/shows", show), ("/episodes", episode)):
        await caller.get(path, ids=f"{known},{UNKNOWN}")
        await caller.get(f"/me{path}/contains", ids=f"{known},{UNKNOWN}")
    faults.add(Fault(Kind.PLAYER_IDLE, times=1))
    await caller.get("/me/player/queue")
    driver.http.headers.clear()
    await driver.http.get("/v1/me")


def _sample(name: str) -> Any:
    return json.loads((samples_folder() / "samples" / name).read_text())


def _members(node: Any, place: str = "") -> set[str]:
    """Return the places of all members, list positions left out."""
    if isinstance(node, list):
        return set().union(*(_members(one, place) for one in node))
    if not isinstance(node, dict):
        return set()
    inner = [_members(value, f"{place}/{key}") for key, value in node.items()]
    return {f"{place}/{key}" for key in node}.union(*inner)

"""Players, music, search and the calls that development mode removed."""

from datetime import datetime
from typing import Any

import pytest

from simulator.faults.board import Fault, Kind
from simulator.settings import Mode, Quirks, Settings
from tests.simulator.driving import Caller, Driver, drive

BOTH = ("/me/player", "/me/player/currently-playing")


async def _playing(driver: Driver, listener: int = 0) -> Caller:
    """Let a listener hear an episode for 20 s."""
    driver.simulator.world.add_play(
        listener, 0, 0, at=driver.simulator.clock.now(), from_ms=0, to_ms=90_000
    )
    driver.simulator.clock.step(20)
    return await driver.connected(listener)


async def _idle(driver: Driver) -> Caller:
    """Wait until a listener hears nothing."""
    while driver.simulator.world.playing(0, driver.simulator.clock.now()) is not None:
        driver.simulator.clock.step(3_600)
    return await driver.connected(0)


async def test_an_idle_player_answers_204_without_body(driver: Driver) -> None:
    """No content, and no content type."""
    caller = await _idle(driver)
    for path in BOTH:
        reply = await caller.get(path)
        assert (204, b"") == (reply.status_code, reply.content)
        assert "content-type" not in reply.headers


async def test_a_playing_episode_tells_progress_and_context(driver: Driver) -> None:
    """Both answers hold the item; its resume point says 0 all the same."""
    caller = await _playing(driver)
    show = driver.simulator.world.show(0).id
    for path in BOTH:
        told = (await caller.get(path, additional_types="track,episode")).json()
        assert "episode" == told["currently_playing_type"]
        assert driver.simulator.world.episode(0, 0).id == told["item"]["id"]
        assert 20_000 == told["progress_ms"]
        assert f"spotify:show:{show}" == told["context"]["uri"]
        assert 0 == told["item"].get("resume_point", {}).get("resume_position_ms", 0)
        assert ("device" in told) is (path == "/me/player")


@pytest.mark.parametrize("parameters", [{}, {"additional_types": "track"}])
async def test_without_the_parameter_the_item_is_null(
    driver: Driver, parameters: dict[str, str]
) -> None:
    """The type is told, the episode is not."""
    caller = await _playing(driver)
    for path in BOTH:
        told = (await caller.get(path, **parameters)).json()
        assert ("episode", None) == (told["currently_playing_type"], told["item"])


@pytest.mark.parametrize(
    ("kind", "told_type"),
    [
        (Kind.PLAYER_TRACK, "track"),
        (Kind.PLAYER_AD, "ad"),
        (Kind.PLAYER_UNKNOWN, "unknown"),
    ],
)
async def test_other_things_play_by_control(driver: Driver, kind: Kind, told_type: str) -> None:
    """A track has an item of its own type; adverts and unknown things have none."""
    caller = await _idle(driver)
    driver.simulator.faults.add(Fault(kind))
    for path in BOTH:
        told = (await caller.get(path, additional_types="episode")).json()
        item = told["item"]
        assert told_type == told["currently_playing_type"]
        assert ("track" if told_type == "track" else None) == (item and item["type"])


async def test_a_player_can_be_silenced_by_control(driver: Driver) -> None:
    """Idle although something plays."""
    caller = await _playing(driver)
    driver.simulator.faults.add(Fault(Kind.PLAYER_IDLE))

    assert 204 == (await caller.get("/me/player")).status_code


async def test_devices_lack_an_id_sometimes() -> None:
    """By quirk for some listeners, by fault for all."""
    driver = drive(Settings(shows=20, listeners=5, quirks=Quirks(null_devices=False)))
    caller = await _playing(driver)
    with_id = (await caller.get("/me/player")).json()["device"]["id"]
    driver.simulator.faults.add(Fault(Kind.PLAYER_NULL_DEVICE))
    without = (await caller.get("/me/player")).json()["device"]["id"]

    assert 40 == len(with_id)
    assert without is None


async def test_recently_played_knows_music_alone(driver: Driver) -> None:
    """Tracks, the last heard first, string cursors, and no total."""
    page = (await (await _playing(driver)).get("/me/player/recently-played", limit=50)).json()
    stamps = [_ms(one) for one in page["items"]]

    assert {"items", "next", "cursors", "limit", "href"} == set(page)
    assert {"track"} == {one["track"]["type"] for one in page["items"]}
    assert sorted(stamps, reverse=True) == stamps
    assert {"after": str(stamps[0]), "before": str(stamps[-1])} == page["cursors"]


async def test_cursors_lead_through_all_and_exclude_themselves(driver: Driver) -> None:
    """Going back by `before` meets no track twice; `after` finds the newer ones."""
    caller = await driver.connected(0)
    path = "/me/player/recently-played"
    first = (await caller.get(path, limit=10)).json()
    second = (await caller.get(path, limit=10, before=first["cursors"]["before"])).json()
    newer = (await caller.get(path, limit=50, after=second["cursors"]["after"])).json()

    assert f"before={first['cursors']['before']}" in first["next"]
    assert _ms(first["items"][-1]) > _ms(second["items"][0])
    assert [_ms(one) for one in first["items"]] == [_ms(one) for one in newer["items"]]


async def test_before_and_after_exclude_each_other(driver: Driver) -> None:
    """Both at once are a bad request, and so are words."""
    caller = await driver.connected(0)
    path = "/me/player/recently-played"

    assert 400 == (await caller.get(path, before=1, after=1)).status_code
    assert 400 == (await caller.get(path, before="noon")).status_code
    assert [] == (await caller.get(path, before=1)).json()["items"]


@pytest.mark.parametrize(
    ("mode", "default", "most"), [(Mode.DEVELOPMENT, 5, 10), (Mode.EXTENDED, 20, 50)]
)
async def test_search_is_short_in_development(
    driver: Driver, mode: Mode, default: int, most: int
) -> None:
    """At most 10 of a type, 5 when not told."""
    driver.simulator.state.mode = mode
    caller = await driver.connected(0)
    query = {"q": driver.simulator.world.show(3).name, "type": "show,episode"}

    found = (await caller.get("/search", **query)).json()

    assert default == found["shows"]["limit"]
    assert driver.simulator.world.show(3).id in [one["id"] for one in found["shows"]["items"]]
    assert default == len(found["episodes"]["items"])
    assert 200 == (await caller.get("/search", **query, limit=most)).status_code
    assert 400 == (await caller.get("/search", **query, limit=most + 1)).status_code


@pytest.mark.parametrize(
    "query", [{}, {"q": "x"}, {"type": "show"}, {"q": " ", "type": "show"}, {"q": "x", "type": "y"}]
)
async def test_search_needs_words_and_a_type(driver: Driver, query: dict[str, str]) -> None:
    """Anything less is a bad request."""
    assert 400 == (await (await driver.connected(0)).get("/search", **query)).status_code


async def test_search_finds_no_music(driver: Driver) -> None:
    """A page of tracks is empty."""
    reply = await (await driver.connected(0)).get("/search", q="love", type="track")

    assert (0, []) == (reply.json()["tracks"]["total"], reply.json()["tracks"]["items"])


async def test_removed_calls_are_forbidden_and_work_in_extended_mode(driver: Driver) -> None:
    """403 in the envelope; extended mode answers, unknown identifiers are null."""
    caller, world = await driver.connected(0), driver.simulator.world
    now, unknown = driver.simulator.clock.now(), "0" * 22
    saved = world.show(world.saved_shows(0, now)[0].show).id
    episode = world.episode(0, 0).id
    calls = {
        "/shows": {"ids": f"{saved},{unknown}"},
        "/episodes": {"ids": f"{episode},{unknown}"},
        "/me/shows/contains": {"ids": f"{saved},{unknown}"},
        "/me/episodes/contains": {"ids": f"{episode}"},
        "/markets": {},
    }
    forbidden = [(await caller.get(path, **query)).json() for path, query in calls.items()]
    driver.simulator.state.mode = Mode.EXTENDED
    told = {path: (await caller.get(path, **query)).json() for path, query in calls.items()}

    assert [{"error": {"status": 403, "message": "Forbidden"}}] * 5 == forbidden
    assert [saved, None] == [one and one["id"] for one in told["/shows"]["shows"]]
    assert [episode, None] == [one and one["id"] for one in told["/episodes"]["episodes"]]
    assert [True, False] == told["/me/shows/contains"]
    assert [False] == told["/me/episodes/contains"]
    assert "DE" in told["/markets"]["markets"]


async def test_batch_calls_have_a_size(driver: Driver) -> None:
    """None and more than fifty are bad requests."""
    driver.simulator.state.mode = Mode.EXTENDED
    caller = await driver.connected(0)

    assert 400 == (await caller.get("/shows")).status_code
    assert 400 == (await caller.get("/shows", ids=",".join(["0" * 22] * 51))).status_code


async def test_library_contains_takes_uris_in_both_modes(driver: Driver) -> None:
    """The replacement of the removed calls; at most forty."""
    caller, world = await driver.connected(0), driver.simulator.world
    saved = world.show(world.saved_shows(0, driver.simulator.clock.now())[0].show).id
    reply = await caller.get("/me/library/contains", uris=f"spotify:show:{saved},spotify:track:x")

    assert [True, False] == reply.json()
    assert 400 == (await caller.get("/me/library/contains", uris="a:b," * 41)).status_code
    assert 400 == (await caller.get("/me/library/contains")).status_code


async def test_the_queue_holds_what_plays(driver: Driver) -> None:
    """And nothing after it."""
    caller = await _playing(driver)
    told = (await caller.get("/me/player/queue")).json()

    assert driver.simulator.world.episode(0, 0).id == told["currently_playing"]["id"]
    assert [] == told["queue"]


def _ms(item: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(item["played_at"]).timestamp() * 1000)

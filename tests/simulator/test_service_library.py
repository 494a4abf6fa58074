"""Profile, libraries, shows and their pages."""

from itertools import pairwise

import pytest

from simulator.faults.board import Fault, Kind
from simulator.settings import Mode, Quirks, Settings
from tests.simulator.driving import Driver, drive, listing


async def test_development_mode_leaves_out_fields(driver: Driver) -> None:
    """Profile and shows tell less; the account identifier is always there."""
    caller = await driver.connected(0, scope="user-library-read user-read-email")
    told = {}
    for mode in Mode:
        driver.simulator.state.mode = mode
        show = listing(await caller.get("/me/shows"))[0]["show"]
        told[mode] = (set((await caller.get("/me")).json()), set(show))

    me = told[Mode.EXTENDED][0] - told[Mode.DEVELOPMENT][0]

    assert {"country", "email", "product", "explicit_content", "followers"} == me
    assert {"available_markets", "publisher"} == told[Mode.EXTENDED][1] - told[Mode.DEVELOPMENT][1]
    assert "account_id" in told[Mode.DEVELOPMENT][0]


async def test_email_needs_its_scope(driver: Driver) -> None:
    """Even in extended mode."""
    driver.simulator.state.mode = Mode.EXTENDED

    assert "email" not in (await (await driver.connected(0)).get("/me")).json()


async def test_saved_shows_are_those_of_the_world(driver: Driver) -> None:
    """All of them, the last saved first, each with its number of episodes."""
    world, now = driver.simulator.world, driver.simulator.clock.now()
    page = (await (await driver.connected(1)).get("/me/shows", limit=50)).json()

    expected = [
        (world.show(one.show).id, world.episode_count(one.show, now))
        for one in world.saved_shows(1, now)
    ]

    assert expected == [(i["show"]["id"], i["show"]["total_episodes"]) for i in page["items"]]
    assert len(expected) == page["total"]
    assert sorted((i["added_at"] for i in page["items"]), reverse=True) == [
        i["added_at"] for i in page["items"]
    ]


async def test_a_change_by_control_shows_at_once(driver: Driver) -> None:
    """Saved and removed shows are seen at the next call."""
    caller, world, now = (
        await driver.connected(0),
        driver.simulator.world,
        driver.simulator.clock.now(),
    )
    held = {one.show for one in world.saved_shows(0, now)}
    new = next(show for show in range(60) if show not in held)
    world.save_show(0, new, now)
    world.remove_show(0, min(held), now)

    ids = {one["show"]["id"] for one in listing(await caller.get("/me/shows", limit=50))}

    assert {world.show(show).id for show in held | {new} - {min(held)} if show != min(held)} == ids


async def test_pages_follow_one_another(driver: Driver) -> None:
    """`next` and `previous` lead through the whole list without gap or double."""
    caller = await driver.connected(0)
    world, now = driver.simulator.world, driver.simulator.clock.now()
    show = max(range(60), key=lambda index: world.episode_count(index, now))
    path = f"/v1/shows/{world.show(show).id}/episodes?limit=50"
    headers = {"Authorization": f"Bearer {caller.token}"}
    seen, pages = [], []
    link: str | None = path
    while link:
        pages.append((await driver.http.get(link, headers=headers)).json())
        seen += [one["id"] for one in pages[-1]["items"]]
        link = pages[-1]["next"]

    count = world.episode_count(show, now)
    numbers = world.episode_numbers(show, now, offset=0, limit=count)

    assert [world.episode(show, number).id for number in numbers] == seen
    assert {count} == {page["total"] for page in pages}
    assert pages[0]["previous"] is None
    assert all(
        two["previous"].endswith(f"offset={one['offset']}&limit=50") for one, two in pairwise(pages)
    )


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, 200),
        ({"limit": 1}, 200),
        ({"limit": 50}, 200),
        ({"limit": 0}, 400),
        ({"limit": 51}, 400),
        ({"limit": -1}, 400),
        ({"limit": "ten"}, 400),
        ({"limit": "9" * 30}, 400),
        ({"offset": -1}, 400),
        ({"offset": "x"}, 400),
        ({"offset": 100_000}, 200),
        ({"market": ""}, 200),
        ({"market": "DE"}, 200),
    ],
)
async def test_limits_of_a_page(
    driver: Driver, parameters: dict[str, str | int], status: int
) -> None:
    """1 to 50, 20 when not told; offsets beyond the end are empty; market needs no value."""
    caller = await driver.connected(0)
    show = driver.simulator.world.show(0).id

    for path in ("/me/shows", "/me/episodes", f"/shows/{show}/episodes"):
        reply = await caller.get(path, **parameters)
        assert status == reply.status_code
        if status == 200:
            assert parameters.get("limit", 20) == reply.json()["limit"]


async def test_a_show_embeds_its_first_fifty_in_its_own_order(driver: Driver) -> None:
    """Newest first or oldest first, by show; the embedded page is page one."""
    caller, world, now = (
        await driver.connected(0),
        driver.simulator.world,
        driver.simulator.clock.now(),
    )
    shown = {}
    for oldest_first in (True, False):
        show = next(
            i
            for i in range(60)
            if world.show(i).oldest_first is oldest_first and world.episode_count(i, now) > 50
        )
        one = (await caller.get(f"/shows/{world.show(show).id}")).json()
        page = (await caller.get(f"/shows/{world.show(show).id}/episodes", limit=50)).json()
        dates = [world.episode_by_id(item["id"]) or (0, 0) for item in page["items"]]
        shown[oldest_first] = dates[0][1] < dates[-1][1]
        assert page == one["episodes"]
        assert 50 == len(page["items"])
        assert one["total_episodes"] == page["total"]

    assert {True: True, False: False} == shown


async def test_resume_points_are_those_of_the_world(driver: Driver) -> None:
    """What was heard a while ago is told in whole seconds."""
    caller, world = await driver.connected(0), driver.simulator.world
    now = driver.simulator.clock.now()
    world.add_play(0, 0, 0, at=now, from_ms=0, to_ms=90_000)
    driver.simulator.clock.step(3_000)
    episode = world.episode(0, 0).id

    told = (await caller.get(f"/episodes/{episode}")).json()
    point = world.resume_point(0, 0, 0, driver.simulator.clock.now())

    assert {"fully_played": False, "resume_position_ms": point.position_ms} == told["resume_point"]
    assert 90_000 == point.position_ms


@pytest.mark.parametrize("on", [True, False])
async def test_one_episode_in_a_hundred_lacks_its_resume_point(on: bool) -> None:
    """By quirk; the same ones at every call."""
    driver = drive(
        Settings(shows=25, listeners=1, quirks=Quirks(missing_resume_points=on), window_calls=0)
    )
    caller = await driver.connected(0)
    pages = [
        listing(await caller.get(f"/shows/{driver.simulator.world.show(i).id}/episodes", limit=50))
        for i in range(25)
    ]
    items = [one for page in pages for one in page]
    share = sum("resume_point" not in one for one in items) / len(items)

    assert (0.003 < share < 0.03) if on else share == 0


@pytest.mark.parametrize("told", [True, False])
async def test_a_dead_saved_episode_is_a_tombstone(told: bool) -> None:
    """All nulls and a date of zeros; left out when the quirk is off."""
    driver = drive(Settings(shows=20, listeners=1, quirks=Quirks(tombstones=told)))
    world, now = driver.simulator.world, driver.simulator.clock.now()
    world.save_episode(0, 0, 0, now)
    world.withdraw_episode(0, 0, now)
    items = listing(await (await driver.connected(0)).get("/me/episodes", limit=50))
    dead = [one["episode"] for one in items if one["episode"]["id"] is None]

    assert told is bool(dead)
    for one in dead:
        assert (None, None, None, "0000") == (
            one["uri"],
            one["duration_ms"],
            one["show"]["id"],
            one["release_date"],
        )


async def test_null_items_are_off_until_switched_on(driver: Driver) -> None:
    """By fault with any share, in every kind of list."""
    caller, show = await driver.connected(0), driver.simulator.world.show(0).id
    paths = ("/me/shows", "/me/episodes", f"/shows/{show}/episodes")
    before = [listing(await caller.get(path)) for path in paths]
    driver.simulator.faults.add(Fault(Kind.NULL_ITEMS, value=1))
    after = [listing(await caller.get(path)) for path in paths]

    assert not any(None in page for page in before)
    assert {None} == {one for page in after for one in page}
    assert [len(page) for page in before] == [len(page) for page in after]


async def test_null_items_are_one_in_a_hundred_by_quirk() -> None:
    """The page keeps its length and its total."""
    driver = drive(Settings(shows=25, listeners=1, quirks=Quirks(null_items=True), window_calls=0))
    caller = await driver.connected(0)
    pages = [
        listing(await caller.get(f"/shows/{driver.simulator.world.show(i).id}/episodes", limit=50))
        for i in range(25)
    ]
    items = [one for page in pages for one in page]

    assert 0.003 < items.count(None) / len(items) < 0.03


async def test_empty_descriptions_and_coarse_dates_occur() -> None:
    """A few episodes in a hundred have no text, or only a month or a year."""
    driver = drive(Settings(shows=60, listeners=1, window_calls=0))
    caller = await driver.connected(0)
    items = [
        one
        for i in range(60)
        for one in listing(
            await caller.get(f"/shows/{driver.simulator.world.show(i).id}/episodes", limit=50)
        )
    ]
    lengths = {"day": 10, "month": 7, "year": 4}

    assert {"day", "month", "year"} == {one["release_date_precision"] for one in items}
    assert all(lengths[i["release_date_precision"]] == len(i["release_date"]) for i in items)
    assert 0 < sum("" == one["description"] for one in items) < len(items) / 10


async def test_artwork_is_served_where_images_point(driver: Driver) -> None:
    """The address in a show's images answers with a picture, without any token."""
    shows = listing(await (await driver.connected(0)).get("/me/shows"))
    reply = await driver.http.get(shows[0]["show"]["images"][0]["url"])

    strangers = [
        (await driver.http.get(path)).status_code
        for path in (f"/image/{'0' * 22}.svg", f"/image/{shows[0]['show']['id']}.png")
    ]

    assert [404, 404] == strangers
    assert "image/svg+xml" == reply.headers["content-type"]
    assert reply.text.startswith("<svg ")
    assert "default-src 'none'; sandbox" == reply.headers["content-security-policy"]


async def test_fragments_kept_are_bounded(driver: Driver) -> None:
    """The oldest goes when a new one comes; what is made again is the same."""
    from simulator.service.fragments import FragmentCache  # noqa: PLC0415 - the one use

    kept = FragmentCache(most=2)
    made = [kept.get(key, lambda key=key: key.encode()) for key in "abca"]  # type: ignore[misc]

    assert [b"a", b"b", b"c", b"a"] == made
    assert 2 == len(kept)

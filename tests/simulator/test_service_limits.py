"""The window of an app, the quota of a developer, and what is logged."""

from datetime import timedelta

import pytest

from simulator.faults.board import Fault, Kind
from simulator.service.limits import Quota, Window
from simulator.settings import App, Bucket, Quirks, Settings
from tests.simulator.driving import START, Driver, drive

SECOND_APP = "fedcba9876543210fedcba9876543210"


def _small(**changed: object) -> Driver:
    quirks = Quirks(plain_window=bool(changed.pop("plain_window", False)))
    return drive(
        Settings(shows=10, listeners=2, shows_per_listener=3, quirks=quirks, **changed)  # type: ignore[arg-type]
    )


async def test_a_burst_fills_the_window_and_is_told_to_wait() -> None:
    """The call beyond the window gets 429 and 1 to 4 s; thirty seconds later all is well."""
    driver = _small(window_calls=20)
    caller = await driver.connected(0)
    statuses = [(await caller.get("/me")).status_code for _ in range(20)]
    refused = await caller.get("/me")
    driver.simulator.clock.step(30)

    assert [200] * 20 == statuses
    assert 429 == refused.status_code
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert "API rate limit exceeded" == refused.json()["error"]["message"]
    assert 200 == (await caller.get("/me")).status_code


async def test_the_window_is_300_by_default_and_shared_by_an_apps_listeners(
    driver: Driver,
) -> None:
    """300 calls of all listeners together pass, the next does not."""
    one, two = await driver.connected(0), await driver.connected(1)
    for _ in range(150):
        await one.get("/me/nowhere")
        await two.get("/me/nowhere")

    assert 429 == (await one.get("/me")).status_code


async def test_a_full_window_may_answer_in_plain_text() -> None:
    """17 bytes and no Retry-After."""
    driver = _small(window_calls=1, plain_window=True)
    caller = await driver.connected(0)
    await caller.get("/me")
    reply = await caller.get("/me")

    assert (429, b"Too many requests") == (reply.status_code, reply.content)
    assert "retry-after" not in reply.headers


def test_the_window_rolls() -> None:
    """Each call frees its own place after thirty seconds."""
    window = Window(1, 2)
    accepted = [window.refuse("app", second) for second in (0.0, 20.0, 30.0)]
    full = window.refuse("app", 31.0)

    assert [None, None, None] == accepted
    assert full is not None
    assert window.refuse("other app", 31.0) is None
    assert window.refuse("app", 51.0) is None


def test_calling_on_lengthens_the_wait_of_a_window() -> None:
    """Who calls during the wait is refused beyond its first end."""
    window = Window(1, 1)
    window.refuse("app", 0.0)
    window.close("app", 0.0, wait_s=2)

    assert 3 == window.refuse("app", 0.0)
    assert 3 == window.refuse("app", 1.0)
    assert 4 == window.refuse("app", 1.0)


async def test_the_601st_show_page_of_a_day_parks_for_hours() -> None:
    """600 in 24 h pass; then the quota body and hours of Retry-After; `/me` still answers."""
    driver = _small(window_calls=0)
    caller = await driver.connected(0)
    path = f"/shows/{driver.simulator.world.show(0).id}/episodes"
    statuses = {(await caller.get(path, limit=1)).status_code for _ in range(600)}
    refused = await caller.get(path)

    assert {200} == statuses
    assert 429 == refused.status_code
    assert "QUOTA_EXCEEDED" == refused.json()["error"]["reason"]
    assert 8 * 3600 <= int(refused.headers["retry-after"]) <= 24 * 3600
    assert 200 == (await caller.get("/me")).status_code


async def test_a_quota_is_shared_by_all_apps_of_a_developer() -> None:
    """A second app of the same owner finds it spent, another owner's does not."""
    apps = (App(), App(client_id=SECOND_APP), App(client_id="a" * 32, developer="another"))
    driver = _small(apps=apps, quotas={Bucket.SHOW_PAGES: 1})
    path = f"/shows/{driver.simulator.world.show(0).id}"
    told = []
    for app in apps:
        code = await driver.code(0, client_id=app.client_id)
        tokens = (await driver.exchange(code=code, client_id=app.client_id)).json()
        caller = await driver.connected(0)
        caller.token = tokens["access_token"]
        told.append((await caller.get(path)).status_code)

    assert [200, 429, 200] == told


def test_a_quota_rolls_over_24_hours_without_a_midnight() -> None:
    """A parked bucket opens when its oldest call is a day old, not at midnight."""
    quota = Quota(1, {Bucket.SHOW_PAGES: 2})
    for hours in (0, 1):
        assert quota.refuse("dev", Bucket.SHOW_PAGES, START + timedelta(hours=hours)) is None
    wait_s = quota.refuse("dev", Bucket.SHOW_PAGES, START + timedelta(hours=2))
    midnight = START.replace(hour=0) + timedelta(days=1)

    assert 22 * 3600 == wait_s
    assert quota.refuse("dev", Bucket.SHOW_PAGES, midnight) is not None
    assert quota.refuse("dev", Bucket.LIBRARY, midnight) is None
    assert quota.refuse("dev", Bucket.SHOW_PAGES, START + timedelta(hours=24.2)) is None


def test_calling_on_lengthens_the_park() -> None:
    """Each further call adds ten minutes, up to a day from now."""
    quota = Quota(1, {Bucket.SHOW_PAGES: 0})
    first = quota.refuse("dev", Bucket.SHOW_PAGES, START)
    quota.park("dev", Bucket.SHOW_PAGES, START, until=START + timedelta(hours=5))

    waits = [quota.refuse("dev", Bucket.SHOW_PAGES, START) for _ in range(200)]

    assert 24 * 3600 == first
    assert [5 * 3600 + 600, 5 * 3600 + 1200] == waits[:2]
    assert 24 * 3600 == waits[-1]


@pytest.mark.parametrize(
    ("kind", "value", "wait"), [(Kind.QUOTA, None, "48925"), (Kind.WINDOW, 3, "3")]
)
async def test_limits_can_be_hit_now(
    driver: Driver, kind: Kind, value: float | None, wait: str
) -> None:
    """A fault closes the window or parks the bucket at the next call, and it stays closed."""
    caller = await driver.connected(0)
    driver.simulator.faults.add(Fault(kind, times=1, value=value))
    first, second = await caller.get("/me"), await caller.get("/me")

    assert wait == first.headers["retry-after"]
    assert [429, 429] == [first.status_code, second.status_code]


async def test_a_request_is_logged_on_arrival(driver: Driver) -> None:
    """Path, query, listener and grant are noted; tokens are not."""
    caller = await driver.connected(1)
    await caller.get("/me/shows", limit=3)
    record = list(driver.simulator.requests)[-1]

    assert ("api", "GET", "/v1/me/shows", "limit=3") == (
        record.service,
        record.method,
        record.path,
        record.query,
    )
    assert (1, "g1", "/me/shows", 200) == (
        record.listener,
        record.grant,
        record.endpoint,
        record.status,
    )
    assert record.bytes > 100
    assert caller.token not in repr(list(driver.simulator.requests))


async def test_a_request_whose_client_dies_counts(driver: Driver) -> None:
    """Even a body that never arrives leaves a line without status."""

    async def receive() -> dict[str, object]:
        raise ConnectionResetError

    scope = {"type": "http", "method": "POST", "path": "/api/token", "query_string": b""}

    async def send(message: object) -> None:
        raise AssertionError(message)

    with pytest.raises(ConnectionResetError):
        await driver.simulator.service(scope | {"headers": []}, receive, send)

    assert [None] == [one.status for one in driver.simulator.requests]
    assert 1 == driver.simulator.requests.count("accounts")


async def test_the_log_answers_questions(driver: Driver) -> None:
    """Counts by service, endpoint, status and listener; the fullest minute; a summary."""
    one, two = await driver.connected(0), await driver.connected(1)
    for caller, calls in ((one, 3), (two, 2)):
        for _ in range(calls):
            await caller.get("/me")
            driver.simulator.clock.step(20)
    await two.get("/me/shows", limit=99)
    log = driver.simulator.requests

    assert (6, 4, 1) == (log.count("api"), log.count("accounts"), log.count(status=400))
    assert (3, 5) == (log.count(listener=1, service="api"), log.count(endpoint="/me"))
    assert 3 == log.most_in_any(60)
    assert 10 == len(log)
    assert {"accounts": {"302": 2, "200": 2}, "api": {"200": 5, "400": 1}} == (
        log.summary()["services"]
    )
    assert ["/me"] * 2 == [record.endpoint for record in log.page(offset=4, limit=2)]

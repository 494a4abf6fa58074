"""Edits over HTTP: they hold through imports and undos, and are taken back."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from src.runtime import Runtime
from src.utils.types import UserId
from tests.history.imports import Listener, acc_row, ext_row
from tests.users.clients import app_on, signed_in, told

HISTORY = "/api/history"


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    """The whole application, with nothing in the background and no Spotify."""
    return app_on(runtime)


@pytest.fixture
async def client(app: FastAPI) -> httpx2.AsyncClient:
    """Somebody who is signed in."""
    return await signed_in(app)


@pytest.fixture
async def ada(runtime: Runtime, tmp_path: Path, client: httpx2.AsyncClient) -> Listener:
    """The same, as one who imports files."""
    user_id = UserId((await client.get("/api/auth/me")).json()["id"])
    return Listener(runtime, user_id, tmp_path)


async def shown(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Return the events that are shown, the first end first."""
    found: list[dict[str, Any]] = (await client.get(HISTORY)).json()["items"]
    return found[::-1]


async def test_a_split_holds_through_undo_and_import_until_it_is_revoked(
    ada: Listener, client: httpx2.AsyncClient
) -> None:
    """Two rows that would be one stay two, sleep while one is away, and are one again."""
    await ada.imported(ada.file([ext_row("10:30:15", 1_800_000)]))
    acc = ada.file([acc_row("10:30", 1_800_000)])
    run_id = await ada.imported(acc)
    [event] = await shown(client)
    detail = (await client.get(f"{HISTORY}/events/{event['id']}")).json()
    made = await client.post(
        f"{HISTORY}/events/{event['id']}/split", json={"source": detail["sources"][1]["key"]}
    )
    counts = [len(await shown(client))]
    await ada.undone(run_id)
    counts.append(len(await shown(client)))
    await ada.imported(acc)
    counts.append(len(await shown(client)))

    assert (201, "split") == (made.status_code, made.json()["kind"])
    assert [2, 1, 2] == counts
    assert [made.json()] == (await client.get(f"{HISTORY}/edits")).json()

    for _ in range(2):
        revoked = await client.delete(f"{HISTORY}/edits/{made.json()['id']}")
        assert (200, True) == (revoked.status_code, revoked.json()["revoked_at"] is not None)
    assert [] == (await client.get(f"{HISTORY}/edits")).json()
    assert 1 == len(await shown(client))


async def test_joined_events_are_one_and_a_hidden_one_is_gone(
    ada: Listener, client: httpx2.AsyncClient
) -> None:
    """Rows that no rule pairs are joined by hand; the result can be hidden."""
    await ada.imported(ada.file([ext_row("10:00:00", 45_000)]))
    await ada.imported(ada.file([acc_row("10:20", 45_000)]))
    first, second = await shown(client)
    joined = await client.post(f"{HISTORY}/events/{second['id']}/join", json={"event": first["id"]})
    [one] = await shown(client)

    assert 201 == joined.status_code
    assert ("exact", "join", 45_000) == (one["certainty"], one["rule"], one["ms"])

    hidden = await client.post(f"{HISTORY}/events/{one['id']}/hide")

    assert [] == await shown(client)
    await client.delete(f"{HISTORY}/edits/{hidden.json()['id']}")
    assert [one] == await shown(client)


async def test_edits_that_cannot_be_are_refused(
    ada: Listener, app: FastAPI, client: httpx2.AsyncClient
) -> None:
    """Another episode, itself, a source it has not; and nobody edits what is another's."""
    other = ext_row("12:00:00", 60_000, uri="spotify:episode:7makk4oTQel546B0PZlDM5")
    await ada.imported(ada.file([ext_row("10:00:00", 45_000), other]))
    first, second = await shown(client)
    url = f"{HISTORY}/events/{first['id']}"
    bob = await signed_in(app, "bob")

    refused = [
        await client.post(f"{url}/join", json={"event": second["id"]}),
        await client.post(f"{url}/join", json={"event": first["id"]}),
        await client.post(f"{url}/split", json={"source": second["id"]}),
        await client.post(f"{url}/split", json={"source": first["id"]}),
    ]
    made = (await client.post(f"{url}/hide")).json()
    foreign = [
        await bob.post(f"{url}/hide"),
        await bob.post(f"{url}/join", json={"event": second["id"]}),
        await bob.delete(f"{HISTORY}/edits/{made['id']}"),
    ]

    assert [(422, "edit_refused")] * 4 == [told(reply) for reply in refused]
    assert [(404, "not_found")] * 3 == [told(reply) for reply in foreign]
    assert 1 == len(await shown(client))

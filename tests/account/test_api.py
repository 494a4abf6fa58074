"""The doors of an account: who may take it along, and who may erase it."""

import asyncio
import io
import zipfile
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from src.auth import cookie_name
from src.runtime import Runtime
from src.users.sign_in import PROOF_LASTS
from src.utils.types import UserId
from tests.api.tables import LAST_USED, dump
from tests.fixtures import DatabaseUrls
from tests.history.imports import Listener, ext_row
from tests.users.clients import app_on, bearer_of, browser, login, register, signed_in, told
from tests.utils.stepped_clock import SteppedClock

EXPORT, ACCOUNT = "/api/account/export", "/api/account"


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    """The application, without a Spotify."""
    return app_on(runtime)


async def leave(client: httpx2.AsyncClient, name: str) -> httpx2.Response:
    """Ask for the account to be erased."""
    return await client.request("DELETE", ACCOUNT, json={"name": name})


async def test_an_export_is_a_zip_to_be_kept(app: FastAPI) -> None:
    """It comes whole, as a file with a name, under headers that keep it out of caches."""
    ada = await signed_in(app)

    reply = await ada.get(EXPORT)

    assert 200 == reply.status_code
    assert "application/zip" == reply.headers["content-type"]
    assert 'attachment; filename="playhead-2026-11-01.zip"' == reply.headers["content-disposition"]
    assert "no-store" == reply.headers["cache-control"]
    assert str(len(reply.content)) == reply.headers["content-length"]
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        assert {"README.txt", "history.jsonl", "profile.csv"} <= set(archive.namelist())


async def test_one_export_of_a_user_is_written_at_a_time(app: FastAPI) -> None:
    """A second one has to wait, those of others need not, and afterwards it is free again."""
    ada, bob = await signed_in(app), await signed_in(app, "bob")

    replies = await asyncio.gather(*(one.get(EXPORT) for one in (ada, ada, bob)))

    assert [200, 200, 429] == sorted(reply.status_code for reply in replies)
    assert 200 == replies[2].status_code
    refused = next(reply for reply in replies[:2] if reply.status_code == 429)
    assert (429, "export_running") == told(refused)
    assert 200 == (await ada.get(EXPORT)).status_code


async def test_both_need_the_password_of_the_last_minutes(
    app: FastAPI, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """Ten minutes after the password was given, and to any token, both are closed."""
    ada = await signed_in(app)
    program = await bearer_of(app, "bob", scopes=["account", "read", "import", "sync"])
    clock.jump(PROOF_LASTS.total_seconds())
    before = dump(database_urls, without=LAST_USED)

    for client, name in ((ada, "ada"), (program, "bob")):
        assert (403, "reauthenticate") == told(await client.get(EXPORT))
        assert (403, "reauthenticate") == told(await leave(client, name))
    assert (401, "not_signed_in") == told(await leave(browser(app), "ada"))
    assert before == dump(database_urls, without=LAST_USED)


@pytest.mark.parametrize("typed", ["", "ada ada", "bob"])
async def test_another_name_erases_nothing(app: FastAPI, typed: str) -> None:
    """The name that is typed has to be one's own, not that of somebody else."""
    assert 201 == (await register(browser(app), "owner")).status_code
    await signed_in(app, "bob")
    ada = await signed_in(app)

    assert (409, "name_differs") == told(await leave(ada, typed))
    assert 200 == (await ada.get("/api/auth/me")).status_code


async def test_erasing_signs_everything_out(
    app: FastAPI, runtime: Runtime, tmp_path: Path, database_urls: DatabaseUrls
) -> None:
    """Every browser and token of the account is worth nothing at once, and the name is free."""
    assert 201 == (await register(browser(app), "owner")).status_code
    before = dump(database_urls)
    program = await bearer_of(app, scopes=["read"])
    other, ada = browser(app), browser(app)
    await login(other)
    await login(ada)
    me = (await ada.get("/api/auth/me")).json()
    listener = Listener(runtime, UserId(me["id"]), tmp_path)
    await listener.imported(listener.file([ext_row("10:30:15", 1_800_000)]))

    reply = await leave(ada, "Ada")

    assert 200 == reply.status_code, reply.text
    assert reply.json()["message"].startswith("Your account, 1 plays, tokens and costs are gone.")
    assert reply.json()["spotify_page"].startswith("https://www.spotify.com/")
    assert cookie_name(runtime.settings) not in ada.cookies
    assert (401, "signed_out") == told(await other.get("/api/auth/me"))
    assert (401, "token_invalid") == told(await program.get("/api/auth/me"))
    assert (401, "bad_credentials") == told(await login(browser(app)))
    left = {"installation", "login_throttle"}
    after = dump(database_urls)
    assert {name: before[name] for name in before.keys() - left} == {
        name: after[name] for name in after.keys() - left
    }
    again = await signed_in(app)
    assert me["id"] < (await again.get("/api/auth/me")).json()["id"]


async def test_the_owner_leaves_last(app: FastAPI) -> None:
    """With others here the owner is told what to do first; alone they may go."""
    owner = await signed_in(app, "owner")
    ada = await signed_in(app)

    assert (409, "owner_stays") == told(await leave(owner, "owner"))
    assert 200 == (await leave(ada, "ada")).status_code
    assert 200 == (await leave(owner, "owner")).status_code

    heir = await signed_in(app, "heir")
    assert "owner" == (await heir.get("/api/auth/me")).json()["role"]

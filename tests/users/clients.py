"""Browsers and programs as tests need them, in front of an application in the same process."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from src.config import Settings
from src.database import Base
from src.main import create_app
from src.runtime import Runtime
from src.spotify.config import SpotifySettings
from src.spotify.service import Spotify
from src.users.passwords import Passwords
from tests.fixtures import DatabaseUrls

PASSWORD = "four unrelated words here"
HOME = "203.0.113.7"
_NOWHERE = httpx2.MockTransport(lambda _request: httpx2.Response(503))


def quick_passwords(*, threads: int = 2) -> Passwords:
    """A hasher that is real but cheap."""
    cheap = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    return Passwords(threads=threads, hasher=PasswordHash((cheap,)))


def under(runtime: Runtime, **changes: object) -> Runtime:
    """The same runtime under other settings."""
    return Runtime(
        settings=Settings(_env_file=None, **(runtime.settings.model_dump() | changes)),
        clock=runtime.clock,
        entropy=runtime.entropy,
        database=runtime.database,
        vault=runtime.vault,
    )


def app_on(runtime: Runtime) -> FastAPI:
    """The whole application on `runtime`, with Spotify out of reach and cheap hashing."""
    spotify = Spotify.open(runtime, SpotifySettings(_env_file=None), transport=_NOWHERE)
    app = create_app(runtime, spotify=spotify, background=False)
    app.state.passwords = quick_passwords()
    return app


def program(app: FastAPI, *, address: str = HOME, bearer: str | None = None) -> httpx2.AsyncClient:
    """A client that sends what it is told and nothing else."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 50_000)),
        base_url="https://127.0.0.1:8000",
        headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
    )


def browser(app: FastAPI, *, address: str = HOME) -> httpx2.AsyncClient:
    """A client that keeps cookies and says, as browsers do, that our own page asks."""
    client = program(app, address=address)
    client.headers["Sec-Fetch-Site"] = "same-origin"
    return client


async def register(client: httpx2.AsyncClient, name: str = "ada", **more: Any) -> httpx2.Response:
    """Ask for an account."""
    form = {"username": name, "password": PASSWORD, **more}
    return await client.post("/api/auth/register", json=form)


async def login(client: httpx2.AsyncClient, name: str = "ada", **more: Any) -> httpx2.Response:
    """Sign in."""
    form = {"username": name, "password": PASSWORD, **more}
    return await client.post("/api/auth/login", json=form)


async def signed_in(app: FastAPI, name: str = "ada", *, address: str = HOME) -> httpx2.AsyncClient:
    """A browser whose user has just registered and signed in."""
    client = browser(app, address=address)
    assert 201 == (await register(client, name)).status_code
    assert 200 == (await login(client, name)).status_code
    return client


async def bearer_of(app: FastAPI, name: str = "ada", *, scopes: list[str]) -> httpx2.AsyncClient:
    """A program with a new bearer token of a new user."""
    client = await signed_in(app, name)
    reply = await client.post("/api/auth/tokens", json={"name": "test", "scopes": scopes})
    return program(app, bearer=reply.json()["token"])


def told(reply: httpx2.Response) -> tuple[int, str]:
    """Status and code of a problem; fails when it is not told as one."""
    assert "application/problem+json" == reply.headers["content-type"], reply.text
    assert reply.status_code == reply.json()["status"]
    return reply.status_code, reply.json()["code"]


def row_counts(urls: DatabaseUrls, *, without: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many rows each table has, read past every guard."""
    tables = sorted(set(Base.metadata.tables) - without)
    with _past_the_guards(urls) as connection:
        return {
            table: connection.execute(f"select count(*) from {table}").fetchone()[0]
            for table in tables
        }


def read_column(urls: DatabaseUrls, table: str, column: str) -> list[Any]:
    """Every value of one column, read past every guard."""
    with _past_the_guards(urls) as connection:
        rows = connection.execute(f"select {column} from {table} order by 1")
        return [row[0] for row in rows.fetchall()]


def write_past_the_guards(urls: DatabaseUrls, statement: str) -> None:
    """Run one statement as the owner of the tables."""
    with _past_the_guards(urls) as connection:
        connection.execute(statement)
        connection.commit()


@contextmanager
def _past_the_guards(urls: DatabaseUrls) -> Iterator[Any]:
    connection: Any
    if urls.is_sqlite:
        connection = sqlite3.connect(urls.owner.removeprefix("sqlite:///"))
    else:
        connection = psycopg.connect(urls.owner.replace("+psycopg", ""))
    try:
        yield connection
    finally:
        connection.close()

"""The application as a whole: errors, documents, health, and how it starts and ends."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Message

import src.main
from src.crypto import SealBroken
from src.main import consent_notices, create_app
from src.operations import starting
from src.operations.starting import AlreadyRunning, prepared, told_to_stop
from src.runtime import Runtime
from src.users.models import Role
from src.users.sign_in import CurrentUser
from src.utils.types import UserId
from tests.factories import add_connection, add_user
from tests.fixtures import DatabaseUrls
from tests.users.clients import app_on, browser, program, signed_in, told, write_past_the_guards
from tests.utils.stepped_clock import SteppedClock

JSON = {"content-type": "application/json"}


# Errors.


async def test_router_tells_problems_too(runtime: Runtime) -> None:
    """An address that is not, and a method it does not take."""
    client = program(app_on(runtime))

    nowhere = await client.get("/api/nowhere")
    wrong = await client.put("/api/auth/login")

    assert (404, "not_found") == told(nowhere)
    assert "There is nothing at this address." == nowhere.json()["detail"]
    assert (405, "method_not_allowed") == told(wrong)
    assert "POST" == wrong.headers["allow"]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"nonsense", b'{"username": "a"'])
async def test_unreadable_body_is_told_apart_from_a_wrong_one(
    runtime: Runtime, body: bytes
) -> None:
    """400 when it cannot be read; an empty one is readable, and lacks everything."""
    reply = await browser(app_on(runtime)).post("/api/auth/login", content=body, headers=JSON)

    assert ((400, "malformed_json") if body else (422, "invalid_input")) == told(reply)


async def test_wrong_input_is_listed_field_by_field(runtime: Runtime) -> None:
    """Every fault at once, each in words, and never what was sent."""
    form = {"username": "a b", "password": 12345, "surprise": "planted"}

    reply = await browser(app_on(runtime)).post("/api/auth/register", json=form)

    errors = {error["field"]: error["message"] for error in reply.json()["errors"]}
    assert (422, "invalid_input") == told(reply)
    assert {"username", "password", "surprise"} == set(errors)
    assert errors["username"].startswith("must be 2 to 64 letters")
    assert "planted" not in reply.text
    assert "12345" not in reply.text


async def test_error_without_a_status_of_its_own_keeps_its_words(runtime: Runtime) -> None:
    """What went wrong inside is not the reader's to know."""
    app = app_on(runtime)

    @app.get("/api/planted")
    async def planted() -> None:
        raise SealBroken("planted words")

    reply = await program(app).get("/api/planted")

    assert (500, "internal_error") == told(reply)
    assert "planted" not in reply.text


async def test_framework_refusals_keep_their_status(runtime: Runtime) -> None:
    """A form with too many fields, for one, is refused by the framework itself."""
    app = app_on(runtime)

    @app.get("/api/planted")
    async def planted() -> None:
        raise HTTPException(status_code=406)

    assert (406, "http_406") == told(await program(app).get("/api/planted"))


@pytest.mark.parametrize(
    ("path", "accepted", "is_page"),
    [
        ("/nowhere", "text/html,*/*;q=0.8", True),
        ("/nowhere", "application/json", False),
        ("/api/nowhere", "text/html,*/*;q=0.8", False),
    ],
)
async def test_people_get_pages_and_programs_get_problems(
    runtime: Runtime, path: str, accepted: str, is_page: bool
) -> None:
    """The address and the Accept header tell them apart; the status is the same."""
    reply = await program(app_on(runtime)).get(path, headers={"Accept": accepted})

    assert 404 == reply.status_code
    assert is_page is reply.headers["content-type"].startswith("text/html")


async def test_failed_page_is_a_page(runtime: Runtime) -> None:
    """With the number under which it was written down."""
    app = app_on(runtime)

    @app.get("/planted")
    async def planted() -> None:
        raise RuntimeError("planted words")

    reply = await program(app).get("/planted", headers={"Accept": "text/html"})

    assert 500 == reply.status_code
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["x-request-id"] in reply.text
    assert "planted" not in reply.text


# Documents.


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


async def test_document_is_for_those_who_are_signed_in(runtime: Runtime) -> None:
    """A stranger need not know what there is."""
    app = app_on(runtime)

    assert (401, "not_signed_in") == told(await program(app).get("/openapi.json"))
    assert 200 == (await (await signed_in(app)).get("/openapi.json")).status_code


async def test_document_names_problems_and_proofs(runtime: Runtime) -> None:
    """Every operation tells errors as problem details, and which proofs it takes."""
    document = app_on(runtime).openapi()

    told_as = {
        name: operation["responses"]["default"]["content"]
        for name, operation in operations(document)
    }
    assert "POST /api/auth/register" in told_as
    assert "GET /api/spotify/podcasts" in told_as
    assert {("application/problem+json",)} == {tuple(content) for content in told_as.values()}
    assert "HTTPValidationError" not in str(document)
    assert {"Problem", "FieldError"} <= set(document["components"]["schemas"])
    assert "__Host-playhead-8000" == document["components"]["securitySchemes"]["session"]["name"]
    assert all(operation["description"] for _, operation in operations(document))


# Health.


async def test_healthy_process_says_so(runtime: Runtime) -> None:
    """Ready means database and keys; Spotify's state decides nothing."""
    client = program(app_on(runtime))

    live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert {"status": "ok"} == live.json()
    assert 200 == ready.status_code
    assert {"database": "ok", "keys": "ok"} == ready.json()["checks"]
    assert "closed" == ready.json()["spotify"]


async def test_other_revision_is_not_ready(runtime: Runtime, database_urls: DatabaseUrls) -> None:
    """A database that another version has changed must get no requests from this one."""
    write_past_the_guards(database_urls, "update alembic_version set version_num = '0000'")
    client = program(app_on(runtime))

    ready = await client.get("/health/ready")

    assert 503 == ready.status_code
    assert {"database": "failed", "keys": "ok"} == ready.json()["checks"]
    assert 200 == (await client.get("/health/live")).status_code


async def test_unreachable_database_is_not_ready(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the driver raises, the answer is no, and no traceback."""

    def gone(_url: str) -> None:
        raise OSError("planted words")

    monkeypatch.setattr(starting, "demand_current", gone)

    ready = await program(app_on(runtime)).get("/health/ready")

    assert (503, "failed") == (ready.status_code, ready.json()["checks"]["database"])
    assert "planted" not in ready.text


# Start and end.


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty environment with a data folder of its own; returns the folder."""
    for name in list(os.environ):
        if name.startswith(("PUBLIC_", "DATABASE_", "SPOTIFY_", "ENCRYPTION_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def names_in(folder: Path) -> set[str]:
    """Names of what lies in `folder`."""
    return {entry.name for entry in folder.iterdir()}


async def lifespan_of(app: FastAPI) -> list[Message]:
    """Start and end `app` as a server does; what it told the server."""
    heard: list[Message] = []
    asked = iter(["startup", "shutdown"])

    async def receive() -> Message:
        return {"type": f"lifespan.{next(asked)}"}

    async def send(message: Message) -> None:
        heard.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    return heard


async def test_server_opens_migrates_and_closes_by_itself(environment: Path) -> None:
    """`uvicorn src.main:app` needs no other step; importing alone touches nothing."""
    app = src.main.app
    touched_early = names_in(environment.parent)

    heard = await lifespan_of(app)

    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [
        message["type"] for message in heard
    ]
    assert set() == touched_early
    assert {"playhead.db", "keys", "server.lock"} <= names_in(environment)
    assert app.state.stopping.is_set()


def test_module_has_nothing_else_up_its_sleeve() -> None:
    """Only `app` is made on demand."""
    with pytest.raises(AttributeError, match="appp"):
        src.main.appp  # noqa: B018 - asking is the test


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PUBLIC_URL", "http://podcasts.example.org", "PUBLIC_URL is plain http on another host"),
        ("PUBLIC_URL", "http://localhost:8000", "must not say localhost"),
        ("SPOTIFY_CLIENT_ID", "my-client-id", "SPOTIFY_CLIENT_ID must be the 32 characters"),
        ("PORT", "planted", "PORT: "),
    ],
)
def test_settings_that_cannot_be_used_end_in_a_sentence(
    environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """No traceback, and not the value, which may be a secret."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        create_app()

    assert words in str(ended.value)
    assert value not in str(ended.value)


async def test_start_that_is_refused_says_why(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server prints what it is told, so it is told a sentence instead of a traceback."""
    monkeypatch.setenv("ENCRYPTION_KEYS", "1:change-me")

    (failed,) = await lifespan_of(create_app())

    assert "lifespan.startup.failed" == failed["type"]
    assert failed["message"].startswith("The encryption key in ENCRYPTION_KEYS is a placeholder")


async def test_start_that_breaks_shows_where(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw keeps its traceback."""

    def broken(*_args: object) -> Runtime:
        raise RuntimeError("planted")

    monkeypatch.setattr(Runtime, "open", broken)

    with pytest.raises(RuntimeError, match="planted"):
        await lifespan_of(create_app())


async def test_one_server_a_folder(
    runtime: Runtime, clock: SteppedClock, database_urls: DatabaseUrls
) -> None:
    """On SQLite a second one waits ten seconds and gives up; on PostgreSQL several may serve."""

    async def second() -> str:
        try:
            async with prepared(runtime):
                return "serving"
        except AlreadyRunning as error:
            return error.message

    async with prepared(runtime):
        before_s = clock.monotonic()
        words = await clock.run(second())
        waited_s = clock.monotonic() - before_s

    if database_urls.is_sqlite:
        assert words.startswith(f"Another Playhead is using {runtime.settings.data_dir}")
        assert 10 <= waited_s < 11
    else:
        assert ("serving", 0) == (words, waited_s)
    assert "serving" == await second()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_first_signal_tells_streams_to_end(number: signal.Signals) -> None:
    """The server's own handler still hears it, and gets its place back afterwards."""
    stopping, heard = asyncio.Event(), []
    earlier = signal.signal(number, lambda *args: heard.append(args[0]))
    own = signal.getsignal(number)
    try:
        with told_to_stop(stopping):
            signal.raise_signal(number)
            await asyncio.wait_for(stopping.wait(), 5)

        assert [number] == heard
        assert own is signal.getsignal(number)
    finally:
        signal.signal(number, earlier)


async def test_signals_are_left_alone_outside_the_main_thread() -> None:
    """Only the main thread may install handlers; an application elsewhere starts all the same."""

    def enter() -> bool:
        with told_to_stop(asyncio.Event()):
            return True

    before = signal.getsignal(signal.SIGTERM)

    assert await asyncio.to_thread(enter)
    assert before is signal.getsignal(signal.SIGTERM)


# What users are told.


@pytest.mark.parametrize(
    ("age_days", "expected"),
    [
        (10, []),
        (160, [("warn", "Your Spotify consent ends soon")]),
        (181, [("stop", "Syncing has stopped")]),
    ],
)
async def test_consent_is_announced(
    runtime: Runtime,
    clock: SteppedClock,
    age_days: int,
    expected: list[tuple[str, str]],
) -> None:
    """In time to renew it, and when it is too late."""
    user_id = await add_user(runtime, "ada")
    await add_connection(runtime, user_id)
    clock.jump(timedelta(days=age_days).total_seconds())
    user = CurrentUser(id=UserId(user_id), name="ada", role=Role.USER, time_zone="UTC")

    async with runtime.database.transaction(user_id, write=False) as session:
        notices = await consent_notices(runtime, session, user)

    assert expected == [(notice.kind, notice.head) for notice in notices]
    assert all(notice.text for notice in notices)

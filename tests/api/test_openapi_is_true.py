"""The OpenAPI document is true: every reply to generated requests is what it describes."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from src.auth import cookie_name
from src.history import importing
from src.users.request_rate import RequestRates
from src.users.schemas import Scope
from src.users.sign_in import begin_session, make_token
from src.utils.types import UserId
from tests.api.planted import Planted, person
from tests.api.routes import Operation, operations
from tests.fixtures import DatabaseUrls
from tests.history.record import Heard, heard
from tests.spotify.sign_ins import redirected
from tests.spotify.sync_parts import Stage
from tests.users.clients import PASSWORD, browser, program, write_past_the_guards

T = TypeVar("T")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALLBACK = "/api/spotify/auth/callback"
GOOD_BODIES: dict[str, dict[str, Any]] = {
    "POST /api/auth/register": {"username": "carol", "password": PASSWORD},
    "POST /api/auth/login": {"username": "ada", "password": PASSWORD, "token": True},
    "POST /api/auth/password": {"current_password": PASSWORD, "new_password": PASSWORD + "!"},
    "PATCH /api/auth/me": {"time_zone": "Europe/Berlin"},
    "POST /api/auth/tokens": {"name": "another", "scopes": ["read", "sync"]},
    "PUT /api/spotify/sync/schedule": {"interval_hours": 3, "paused": False},
    "DELETE /api/account": {"name": "another name"},
    "POST /api/history/uploads": {"name": "a", "size_bytes": 9},
}
FILE = json.dumps([{"ts": "2023-12-01T10:00:00Z", "ms_played": 1, "spotify_track_uri": "t"}])
GOOD_FILES = {
    "POST /api/history/imports": FILE.encode(),
    "PATCH /api/history/uploads/{upload_id}": b"[",
}
NEEDS_A_CONSENT = {f"GET {CALLBACK}", f"POST {CALLBACK}/confirm"}
ENDS_IT_ALL = {"DELETE /api/account"}


@dataclass
class Service:
    """The application on the test's loop, asked from the thread in which examples are made."""

    app: FastAPI
    user_id: UserId
    known: dict[str, str]
    bodies: dict[str, dict[str, Any]]
    loop: asyncio.AbstractEventLoop
    clients: list[httpx2.AsyncClient] = field(default_factory=list)
    succeeded: set[str] = field(default_factory=set)
    tried: int = 0
    bearer: str = ""

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop of the test."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    async def sign_in(self) -> None:
        """Sign in anew: a program that may do everything, and a browser."""
        runtime = self.app.state.runtime
        async with runtime.database.transaction(self.user_id) as session:
            token, bearer = await make_token(
                runtime, session, user_id=self.user_id, name="t", scopes=tuple(Scope)
            )
            await session.flush()
            self.known["token_id"] = str(token.id)
        person = browser(self.app)
        secret = await begin_session(runtime, user_id=self.user_id, user_agent="")
        person.cookies.set(cookie_name(runtime.settings), secret)
        self.bearer = bearer
        self.clients = [program(self.app, bearer=bearer), person]

    async def import_anew(self) -> None:
        """Let an import be done, another one be free to begin, and an upload wait."""
        runtime = self.app.state.runtime
        for claim in await importing.claim_due(runtime, limit=9):
            await importing.handle(runtime, claim)
        self.app.state.request_rates = RequestRates(runtime.clock)
        await self.sign_in()
        client = program(self.app, bearer=self.bearer)
        done = await client.post("/api/history/imports", content=FILE)
        for claim in await importing.claim_due(runtime, limit=9):
            await importing.handle(runtime, claim)
        half = await client.post("/api/history/uploads", json={"name": "a", "size_bytes": 9})
        self.known |= {"import_id": done.json()["id"], "upload_id": half.json()["id"]}

    def answer(self, operation: Operation, case: Any) -> None:
        """Send one generated request as program or browser and hold the reply to the document."""
        if self.tried % 100 == 0:  # all of them come at one instant
            self.app.state.request_rates = RequestRates(self.app.state.runtime.clock)
        if operation.path.startswith("/api/auth"):  # the last one may have ended the sign-in
            self.wait_for(self.sign_in())
        if operation.path.startswith(("/api/history/imports", "/api/history/uploads")):
            self.wait_for(self.import_anew())
        if self.tried % 2:  # ids out of the blue are never found
            names = operation.parameters("path")
            case.path_parameters.update({name: self.known[name] for name in names})
        if self.tried % 3 == 0 and operation.name in self.bodies:
            case.body = self.bodies[operation.name]
        is_form = case.media_type == "multipart/form-data"  # a reply to one cannot be validated
        if operation.name in GOOD_FILES and (self.tried % 3 == 0 or is_form):
            case.body, case.media_type = GOOD_FILES[operation.name], "application/octet-stream"
            case.headers["Upload-Offset"] = "0"
        sent = case.as_transport_kwargs(base_url="https://127.0.0.1:8000")
        sent["headers"].pop("Authorization", None)
        del sent["cookies"]
        if isinstance(sent.get("data"), bytes):
            sent["content"] = sent.pop("data")
        client = self.clients[self.tried // 2 % 2]
        reply = self.wait_for(client.request(**sent))
        case.validate_response(reply, checks=CHECKS)
        self.tried += 1
        if reply.status_code < 400:
            self.succeeded.add(operation.name)


async def history(stage: Stage, ada: Planted) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Events that can be split and joined, and a correction: their ids, and bodies with them."""
    at_s = 1_700_000_040
    rows = [
        Heard("e", "Maps", at_s + 20, 60_000),
        Heard("e", "Maps", at_s, 60_000, source="acc"),
        Heard("e", "Maps", at_s - 9_000, 40_000),
        Heard("f", "Maps", at_s - 19_000, 40_000),
    ]
    await heard(stage.runtime, ada.user_id, rows)
    ask = ada.browser
    first, second, third = (await ask.get("/api/history")).json()["items"]
    path = "/api/history/events"
    sources = (await ask.get(f"{path}/{first['id']}")).json()["sources"]
    edit = (await ask.post(f"{path}/{third['id']}/hide")).json()
    known = {"event_id": first["id"], "edit_id": edit["id"], "year": "2023"}
    return known, {
        f"POST {path}/{{event_id}}/split": {"source": sources[1]["key"]},
        f"POST {path}/{{event_id}}/join": {"event": second["id"]},
    }


@pytest.fixture
async def service(stage: Stage, app: FastAPI) -> Service:
    """An application whose one user has a synced library."""
    ada = await person(stage, app, "ada", listener=0)
    show_id = next(iter(await stage.shows(ada.user_id)))
    episode_id = next(iter(await stage.episodes(ada.user_id, show_id)))
    known, bodies = await history(stage, ada)
    known |= {"show_id": show_id, "episode_id": episode_id}
    made = Service(app, ada.user_id, known, GOOD_BODIES | bodies, loop=asyncio.get_running_loop())
    await made.sign_in()
    return made


def answering(service: Service, operation: Operation) -> Callable[[Any], None]:
    """A function of one generated case, as hypothesis wants it."""

    def answer(case: Any) -> None:
        service.answer(operation, case)

    return answer


def hold(service: Service, *, examples: int) -> None:
    """Try every operation that comes to an end, those that delete last."""
    limits = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    schema = schemathesis.openapi.from_dict(service.app.openapi())
    walked = [one for one in operations(service.app) if not one.is_stream]
    for operation in sorted(walked, key=lambda one: one.method == "DELETE"):
        cases = schema[operation.path][operation.method].as_strategy()
        given(case=cases)(limits(answering(service, operation)))()


@pytest.mark.slow
async def test_generated_requests_get_what_the_document_says(
    service: Service, database_urls: DatabaseUrls
) -> None:
    """Whatever is sent: a described status, the described body, and never a failure of ours."""
    # Six in a row have one with a known id and a good body among them; see `answer`.
    examples = 20 if database_urls.is_sqlite else 6

    await asyncio.to_thread(hold, service, examples=examples)

    ending = {one.name for one in operations(service.app) if not one.is_stream}
    assert ending - NEEDS_A_CONSENT - ENDS_IT_ALL == service.succeeded - NEEDS_A_CONSENT
    assert service.tried > 20 * examples


def validate(app: FastAPI, method: str, path: str, reply: httpx2.Response) -> None:
    """Hold one reply to the document."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema[path][method].Case().validate_response(reply, checks=CHECKS)


async def test_ways_back_from_spotify_are_described(
    stage: Stage, app: FastAPI, service: Service
) -> None:
    """A redirect, the page that asks for a press, and the end of that press."""
    machine, person = service.clients
    await person.delete("/api/spotify/connection")
    begun = (await person.get("/api/spotify/auth/url")).json()["url"]
    asked = (await machine.get("/api/spotify/auth/url")).json()["url"]

    back = await person.get(CALLBACK, params=await redirected(stage.simulator, begun))
    parameters = await redirected(stage.simulator, asked)
    page = await person.get(CALLBACK, params=parameters)
    pressed = await person.post(f"{CALLBACK}/confirm", data=parameters)

    assert [303, 200, 303] == [reply.status_code for reply in (back, page, pressed)], back.text
    validate(app, "GET", CALLBACK, back)
    validate(app, "GET", CALLBACK, page)
    validate(app, "POST", f"{CALLBACK}/confirm", pressed)


async def test_not_ready_is_described(app: FastAPI, database_urls: DatabaseUrls) -> None:
    """Those who watch over the service read the same fields in a 503."""
    write_past_the_guards(database_urls, "update alembic_version set version_num = '0000'")

    reply = await program(app).get("/health/ready")

    assert 503 == reply.status_code
    checks = [check for check in CHECKS if check is not not_a_server_error]
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema["/health/ready"]["GET"].Case().validate_response(reply, checks=checks)

"""The application: rooms put together, and what starts and stops with it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Literal, TypeVar

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from src import auth
from src.account import api as account_api
from src.auth import CurrentUser, UserDep, cookie_name
from src.config import Settings
from src.cost_tracking import api as costs
from src.database import Session
from src.history import api as history_api
from src.jobs.worker import background as background_work
from src.middleware.bodies import BodyLimit
from src.middleware.edge import Edge, PlainRefusals
from src.middleware.headers import SecurityHeaders
from src.middleware.origins import HostAllowList, SameOrigin
from src.middleware.telling import tell, tell_errors, words_of
from src.operations import api as health
from src.operations.starting import prepared, told_to_stop
from src.operations.sync_places import sync_place
from src.operations.waking import woken_from_outside
from src.runtime import Runtime
from src.schemas import Problem
from src.spotify import api as spotify_api
from src.spotify.config import SpotifySettings
from src.spotify.notices import notices_for
from src.spotify.service import Spotify
from src.spotify.sync_stream import Streams
from src.spotify.wire import Transport
from src.users.passwords import Passwords
from src.users.request_rate import RequestRates
from src.users.schemas import Notice
from src.utils.logging import configure_logging
from src.utils.types import UserId
from src.web import site
from src.web.pages.confirming import confirmation

log = structlog.get_logger()

AnySettings = TypeVar("AnySettings", bound=BaseSettings)
_CONSENT_HEADS = {"warn": "Your Spotify consent ends soon", "stop": "Syncing has stopped"}


def create_app(
    runtime: Runtime | None = None,
    *,
    spotify: Spotify | None = None,
    transport: Transport | None = None,
    background: bool = True,
) -> FastAPI:
    """Put the application together.

    Args:
        runtime: What it runs on; by default what the environment describes, opened
            when the server starts. One that is handed in stays open afterwards.
        spotify: The Spotify side of `runtime`; by default opened on it. Closed when
            the server stops.
        transport: How `spotify` reaches Spotify when it is opened here.
        background: Whether syncing runs in this process too.

    Raises:
        SystemExit: The settings cannot be used; the message says which and why.
    """
    settings = runtime.settings if runtime is not None else settings_or_exit(Settings)
    spotify_settings = spotify.settings if spotify else settings_or_exit(SpotifySettings)
    streams = Streams()
    app = FastAPI(
        title="Playhead",
        version=version("playhead"),
        summary="Own the record of your podcast listening.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_Life(settings, spotify_settings, transport, background=background),
        middleware=_middleware(
            settings, spotify_settings, lambda: app.state.runtime, acted=streams.nudge
        ),
    )
    app.state.settings = settings
    app.state.stopping = asyncio.Event()
    app.state.sync_streams = streams
    app.state.notice_sources = [consent_notices]
    app.state.confirmation = confirmation
    if runtime is not None:
        _equip(
            app, runtime, spotify or Spotify.open(runtime, spotify_settings, transport=transport)
        )
    rooms = (
        auth.router,
        spotify_api.router,
        history_api.router,
        account_api.router,
        costs.router,
        health.router,
        site.router,
    )
    for router in (*rooms, documents):
        app.include_router(router)
    tell_errors(app)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def _equip(app: FastAPI, runtime: Runtime, spotify: Spotify) -> None:
    app.state.runtime = runtime
    app.state.spotify = spotify
    app.state.passwords = Passwords(threads=runtime.settings.password_hashing_threads)
    app.state.request_rates = RequestRates(runtime.clock)


def __getattr__(name: str) -> FastAPI:
    """Make `app` when a server asks for it, so that importing this module reads no settings."""
    if name == "app":
        return create_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def settings_or_exit(kind: type[AnySettings]) -> AnySettings:
    """Read settings, or end the program with a sentence for each that cannot be used."""
    try:
        return kind()
    except ValidationError as error:
        sentences = []
        for item in error.errors(include_input=False, include_context=False, include_url=False):
            name = ".".join(map(str, item["loc"])).upper()
            sentences.append(f"{name}: {words_of(item['msg'])}" if name else words_of(item["msg"]))
        sys.exit("Playhead cannot start with these settings. " + "\n".join(sentences))


async def consent_notices(runtime: Runtime, session: Session, user: CurrentUser) -> list[Notice]:
    """Tell the user what their Spotify connection needs of them."""
    heads: dict[str, Literal["warn", "stop"]] = {"warn": "warn", "stop": "stop"}
    found = await notices_for(runtime, session, user.id)
    return [
        Notice(kind=heads[notice.kind], head=_CONSENT_HEADS[notice.kind], text=notice.text)
        for notice in found
    ]


# What starts and stops with the server.


@dataclass(frozen=True, slots=True)
class _Life:
    settings: Settings
    spotify_settings: SpotifySettings
    transport: Transport | None
    background: bool

    @asynccontextmanager
    async def __call__(self, app: FastAPI) -> AsyncIterator[None]:
        """Open what the application runs on, work in the background, and close it all."""
        async with AsyncExitStack() as stack:
            if getattr(app.state, "runtime", None) is None:
                runtime = Runtime.open(self.settings)
                stack.push_async_callback(runtime.close)
                spotify = Spotify.open(runtime, self.spotify_settings, transport=self.transport)
                _equip(app, runtime, spotify)
                configure_logging(
                    level=self.settings.log_level.upper(),
                    stream=sys.stdout,
                    clock=runtime.clock,
                    json=self.settings.log_format == "json",
                )
            stack.push_async_callback(app.state.spotify.close)
            await stack.enter_async_context(prepared(app.state.runtime))
            if self.background:
                places = self.spotify_settings.sync_processes
                await stack.enter_async_context(sync_place(app.state.runtime, places=places))
                await stack.enter_async_context(background_work(app.state.spotify))
            stack.enter_context(told_to_stop(app.state.stopping))
            if app.state.runtime.database.is_sqlite:
                ring = app.state.spotify.bell.ring
                stack.enter_context(woken_from_outside(app.state.settings.data_dir, ring))
            yield
            app.state.stopping.set()


# What stands before the routes.


def _middleware(
    settings: Settings,
    spotify_settings: SpotifySettings,
    runtime: Callable[[], Runtime],
    *,
    acted: Callable[[UserId], None],
) -> list[Middleware]:
    """Return the layers, outermost first."""
    layers = [
        Middleware(PlainRefusals),
        Middleware(
            SecurityHeaders, settings=settings, accounts_url=spotify_settings.spotify_accounts_url
        ),
        Middleware(Edge, settings=settings, runtime=runtime, tell=tell, acted=acted),
        Middleware(HostAllowList, settings=settings),
    ]
    if settings.cors_origins:  # never with cookies: other origins use bearer tokens
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Upload-Offset"],
                expose_headers=["Upload-Offset", "Upload-Length"],
            )
        )
    return [
        *layers,
        Middleware(SameOrigin, settings=settings, cookie=cookie_name(settings)),
        Middleware(BodyLimit, settings=settings),
    ]


# Documents.

documents = APIRouter(include_in_schema=False)


@documents.get("/openapi.json")
async def openapi_document(request: Request, user: UserDep) -> JSONResponse:
    """Return the OpenAPI document, to those who are signed in."""
    return JSONResponse(request.app.openapi())


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Describe the API, with problem details wherever an error is told."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    told = {
        "description": "Problem details (RFC 9457); programs look at `code`.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for operation in _operations(document):
        operation["responses"] = {
            status: reply for status, reply in operation["responses"].items() if status != "422"
        } | {"default": told}
    parts["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(app.state.settings)},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    document["security"] = [{"session": []}, {"bearer": []}]
    app.openapi_schema = document
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()

"""What really happened, told to tests alone: an ASGI app of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.control.loopback import LoopbackOnly
from simulator.service.state import State
from simulator.truth import exports
from simulator.world.types import UnknownThing
from simulator.world.world import World

MOST_RECORDS = 1_000


@dataclass(slots=True)
class TruthGate:
    """Closed, the truth answers nobody."""

    open: bool = True


class Truth:
    """Answers below `/_truth/`."""

    def __init__(self, state: State, gate: TruthGate) -> None:
        self._state = state
        self._gate = gate

    def guarded(self, answer: Callable[[Request], object]) -> Callable[[Request], Response]:
        """Return an endpoint that answers `answer`'s value while the gate is open.

        A value that is a response already goes out as it is.
        """

        def endpoint(request: Request) -> Response:
            if not self._gate.open:
                raise HTTPException(404, "the truth is closed")
            try:
                told = answer(request)
            except UnknownThing as error:
                raise HTTPException(404, str(error)) from error
            return told if isinstance(told, Response) else JSONResponse(_plain(told))

        return endpoint

    def library(self, request: Request) -> object:
        """Tell what a listener has saved."""
        world, at = self._state.world, self._at(request)
        listener = _number(request.path_params["listener"])
        return {
            "at": at,
            "listener": world.listener(listener),
            "shows": [
                {"id": world.show(one.show).id} | asdict(one)
                for one in world.saved_shows(listener, at)
            ],
            "episodes": [
                {"id": world.episode(one.show, one.number).id} | asdict(one)
                for one in world.saved_episodes(listener, at)
            ],
        }

    def episodes(self, request: Request) -> object:
        """Tell every episode of a show, in the order the service lists them."""
        world, at = self._state.world, self._at(request)
        index = world.show_by_id(request.path_params["show_id"])
        if index is None:
            raise HTTPException(404, "no such show")
        show = world.show(index)
        count = world.episode_count(index, at)
        numbers = world.episode_numbers(index, at, offset=0, limit=count)
        ids = [world.episode(index, number).id for number in numbers]
        return {"at": at, "show": show.id, "oldest_first": show.oldest_first, "episodes": ids}

    def plays(self, request: Request) -> object:
        """Tell what a listener heard between `since` and `until`."""
        world = self._state.world
        listener = _number(request.path_params["listener"])
        until = self._at(request, "until")
        since = self._at(request, "since", default=until - timedelta(days=7))
        return {
            "since": since,
            "until": until,
            "plays": [
                {"id": world.episode(one.show, one.number).id} | asdict(one)
                for one in world.plays(listener, since, until)
            ],
        }

    def export(self, request: Request) -> object:
        """Tell a listener's data export as a zip, written at `until`."""
        return exports.export(
            self._state.world,
            _number(request.path_params["listener"]),
            until=self._at(request, "until"),
            query=request.query_params,
        )

    def ledger(self, request: Request) -> object:
        """Tell what is in an export, and what is not."""
        return exports.ledger(
            self._state.world,
            _number(request.path_params["listener"]),
            until=self._at(request, "until"),
            query=request.query_params,
        )

    def publications(self, request: Request) -> object:
        """Tell which episodes came out between `since` and `until`."""
        world = self._state.world
        until = self._at(request, "until")
        since = self._at(request, "since", default=until - timedelta(days=1))
        found = [
            world.episode(show, number)
            for show in range(self._state.settings.shows)
            for number in _newer(world, show, since, until)
        ]
        return {
            "since": since,
            "until": until,
            "publications": [
                {"id": one.id, "show": one.show, "number": one.number, "at": one.published_at}
                for one in found
            ],
        }

    def consents(self, _: Request) -> object:
        """Tell every consent; tokens stay out of it."""
        at = self._state.clock.now()
        return {
            "consents": [
                {
                    "grant": one.id,
                    "client_id": one.client_id,
                    "listener": one.listener,
                    "scopes": sorted(one.scopes),
                    "consented_at": one.consented_at,
                    "dies_at": one.dies_at,
                    "revoked_at": one.revoked_at,
                    "alive": one.alive(at),
                }
                for one in self._state.grants.all
            ]
        }

    def requests(self, request: Request) -> object:
        """Tell a page of the request log."""
        offset = _number(request.query_params.get("offset", "0"))
        limit = _number(request.query_params.get("limit", "100"))
        if not 1 <= limit <= MOST_RECORDS:
            raise HTTPException(400, f"limit must be 1 to {MOST_RECORDS}")
        page = self._state.requests.page(offset=offset, limit=limit)
        return {"total": len(self._state.requests), "offset": offset, "requests": page}

    def summary(self, _: Request) -> object:
        """Tell the figures of the request log."""
        return self._state.requests.summary()

    def _at(
        self, request: Request, name: str = "at", *, default: datetime | None = None
    ) -> datetime:
        text = request.query_params.get(name)
        if text is None:
            return default or self._state.clock.now()
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise HTTPException(400, f"{name} must be an ISO 8601 instant") from error
        if at.tzinfo is None:
            raise HTTPException(400, f"{name} needs a time zone, such as a final Z")
        return at.astimezone(UTC)


def truth_app(state: State, gate: TruthGate) -> Starlette:
    """Return the ASGI app that tells the truth while the gate is open."""
    truth = Truth(state, gate)
    paths = {
        "/_truth/listeners/{listener}/library": truth.library,
        "/_truth/listeners/{listener}/plays": truth.plays,
        "/_truth/listeners/{listener}/export": truth.export,
        "/_truth/listeners/{listener}/export/ledger": truth.ledger,
        "/_truth/shows/{show_id}/episodes": truth.episodes,
        "/_truth/publications": truth.publications,
        "/_truth/consents": truth.consents,
        "/_truth/requests": truth.requests,
        "/_truth/requests/summary": truth.summary,
    }
    return Starlette(
        routes=[Route(path, _on_loop(truth.guarded(answer))) for path, answer in paths.items()],
        middleware=[Middleware(LoopbackOnly)],
        exception_handlers={HTTPException: refused},
    )


def refused(request: Request, error: Exception) -> Response:
    """Answer an error of the request as JSON."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def _newer(world: World, show: int, since: datetime, until: datetime) -> list[int]:
    """Return the episodes a show lists at `until` that came out after `since`."""
    count = world.episode_count(show, until)
    numbers = world.episode_numbers(show, until, offset=0, limit=count)
    newest_first = sorted(numbers, reverse=True)
    told = itertools.takewhile(
        lambda number: world.episode(show, number).published_at > since, newest_first
    )
    return sorted(told)


def _on_loop(endpoint: Callable[[Request], Response]) -> Callable[..., object]:
    """Keep an endpoint on the event loop; a thread would not repeat."""

    async def answer(request: Request) -> Response:
        return endpoint(request)

    return answer


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise HTTPException(400, f"{text[:20]!r} is not a whole number")
    return int(text)


def _plain(value: object) -> object:
    """Return a value as JSON knows it: instants as text, dataclasses as objects."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return _plain(asdict(value))  # type: ignore[call-overload]  # checked above
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value

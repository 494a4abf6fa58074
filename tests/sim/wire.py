"""The wire between product and simulator: chunks, latencies, timeouts, and what goes wrong on it.

The service acts in one go when the request has arrived; its answer then travels in
pieces. A body that ends early raises what a real connection raises.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qs

import httpx2

from simulator.app import Simulator
from simulator.truth.requests import RequestRecord
from tests.sim.plan import Fault, Kind

_OK = 200
_CHUNK = 16_384
_MEAN_LATENCY_S = 0.06
_LEAST_LATENCY_S = 0.01
_STATUS = {Kind.NOT_FOUND: 404, Kind.SERVER_ERROR: 500, Kind.UNAVAILABLE: 503, Kind.HTML: 502}
_HTML = b"<!DOCTYPE html>\n<html><head><title>502</title></head><body>...</body></html>"

FaultOf = Callable[[int | None], Fault | None]
"""Which fault hits a listener's next call, if any."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request that reached the service, and what became of its answer.

    Attributes:
        record: The simulator's line about it.
        listener: Who is meant, by token or grant; None if nobody can tell.
        fault: What hit it.
        life: Number of the process that sent it.
        at_s: Virtual seconds at which it arrived.
        wall_s: The same by the product's wall clock, which may have jumped.
        status: Status that went out; the service's own unless a fault replaced it.
        arrived: Whether the whole answer reached the product.
        over: Whether the product waits for nothing more of it.
        place: Its number among the requests of its listener, from 0.
    """

    record: RequestRecord
    listener: int | None
    fault: Fault | None
    life: int
    at_s: float
    wall_s: float
    status: int = 0
    arrived: bool = False
    over: bool = False
    place: int = 0
    body: bytes = field(default=b"", repr=False)
    _json: Any = field(default=None, repr=False)

    @property
    def came(self) -> bool:
        """Whether the product has the whole of a good answer."""
        return self.arrived and self.status == _OK

    @property
    def json(self) -> Any:
        """The answer's body, parsed once."""
        if self._json is None:
            self._json = json.loads(self.body)
        return self._json

    @property
    def offset(self) -> int:
        """The place in a list that was asked for."""
        return int(parse_qs(self.record.query).get("offset", ["0"])[0])


@dataclass(slots=True)
class _Told:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class Wire(httpx2.AsyncBaseTransport):
    """Carries one process's requests.

    Attributes:
        is_cut: Set when the process is dead: nothing gets through any more.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        rng: Random,
        life: int,
        fault_of: FaultOf,
        wall_s: Callable[[], float],
        seen: Callable[[Exchange], None],
    ) -> None:
        """Reach `simulator`.

        Args:
            simulator: The other side.
            rng: Draws latencies.
            life: Number of the process whose wire it is.
            fault_of: What goes wrong.
            wall_s: The product's wall clock in seconds.
            seen: Told of each request when the service has it.
        """
        self._simulator = simulator
        self._rng = rng
        self._life = life
        self._fault_of = fault_of
        self._wall_s = wall_s
        self._seen = seen
        self.is_cut = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one request there and the beginning of its answer back."""
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        body = await _whole(request)
        listener = self._listener(request, body)
        fault = _applied(request, None if _is_browser(request) else self._fault_of(listener))
        await _trace(request, "connection.connect_tcp.started")
        await asyncio.sleep(self._latency_s())
        if self.is_cut or _is(fault, Kind.REFUSED):
            raise httpx2.ConnectError("connection refused", request=request)
        await _trace(request, "connection.connect_tcp.complete")
        await _trace(request, "http11.send_request_headers.started")
        try:
            await asyncio.sleep(self._latency_s())
        except BaseException:  # what was sent arrives, whether or not the sender still waits
            told = await self._exchange(request, body)
            self._note(listener, fault, told).over = True
            raise
        told = await self._exchange(request, body)
        exchange = self._note(listener, fault, told)
        try:
            await self._answer_begins(request, fault, timeouts.get("read"))
        except BaseException:
            exchange.over = True
            raise
        stream = _Pieces(self, exchange, told.body, timeouts.get("read"))
        return httpx2.Response(told.status, headers=told.headers, stream=stream)

    async def _answer_begins(
        self, request: httpx2.Request, fault: Fault | None, read_s: float | None
    ) -> None:
        if _is(fault, Kind.RESET):
            await asyncio.sleep(self._latency_s())
            raise httpx2.ReadError("connection reset by peer", request=request)
        wait_s = self._latency_s() + (fault.value if fault and _is(fault, Kind.SLOW) else 0.0)
        if read_s is not None and wait_s > read_s:
            await asyncio.sleep(read_s)
            raise httpx2.ReadTimeout("no answer in time", request=request)
        await asyncio.sleep(wait_s)

    def _listener(self, request: httpx2.Request, body: bytes) -> int | None:
        """Tell who is meant by a request, by its token or its grant."""
        grants = self._simulator.grants
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            access = grants.by_access_token(token)
            return access.grant.listener if access else None
        form = parse_qs(body.decode("latin-1"))
        grant = grants.by_refresh_token(form.get("refresh_token", [""])[0])
        code = grants.code(form.get("code", [""])[0])
        known = grant or (code.grant if code else None)
        return known.listener if known else None

    def _note(self, listener: int | None, fault: Fault | None, told: _Told) -> Exchange:
        record = self._simulator.requests.page(offset=len(self._simulator.requests) - 1, limit=1)[0]
        if fault is not None and fault.kind in _STATUS:
            told.status, told.body = _STATUS[fault.kind], _body_of(fault.kind)
            kind = b"text/html" if fault.kind is Kind.HTML else b"application/json"
            told.headers = [(b"content-type", kind)]
        exchange = Exchange(
            record,
            listener,
            fault,
            life=self._life,
            at_s=record.wire_s,
            wall_s=self._wall_s(),
            status=told.status,
            body=told.body,
        )
        self._seen(exchange)
        return exchange

    async def _exchange(self, request: httpx2.Request, body: bytes) -> _Told:
        """Let the service act; it does so without waiting for anything."""
        told = _Told()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.status, told.headers = message["status"], list(message["headers"])
            else:
                told.body += message.get("body", b"")

        url = request.url
        scope = {
            "type": "http",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "query_string": url.query,
            "client": ("127.0.0.1", 1),
        }
        await self._simulator.service(scope, receive, send)
        return told

    def _latency_s(self) -> float:
        return _LEAST_LATENCY_S + self._rng.expovariate(1 / _MEAN_LATENCY_S)

    def piece_s(self) -> float:
        """Return the seconds until the next piece of a body is here."""
        return self._rng.expovariate(1 / _LEAST_LATENCY_S)


class _Pieces(httpx2.AsyncByteStream):
    """A body on its way."""

    def __init__(self, wire: Wire, exchange: Exchange, body: bytes, read_s: float | None) -> None:
        self._wire = wire
        self._exchange = exchange
        self._body = body
        self._read_s = read_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        fault, body = self._exchange.fault, self._body
        drip = fault.value if fault is not None and fault.kind is Kind.DRIP else 0.0
        size = max(1, int(drip)) if drip else _CHUNK
        end = len(body) // 2 if _is(fault, Kind.CUT) else len(body)
        for start in range(0, end, size):
            wait_s = size / drip if drip else self._wire.piece_s()
            if self._read_s is not None and wait_s > self._read_s:
                await asyncio.sleep(self._read_s)
                raise httpx2.ReadTimeout("the answer stopped on its way")
            await asyncio.sleep(wait_s)
            yield body[start : min(start + size, end)]
        if self._wire.is_cut or end < len(body):
            raise httpx2.RemoteProtocolError(
                f"peer closed connection without sending complete message body "
                f"(received {end} bytes, expected {len(body)})"
            )
        self._exchange.arrived = True

    async def aclose(self) -> None:
        """Nobody reads on."""
        self._exchange.over = True


def _is(fault: Fault | None, kind: Kind) -> bool:
    return fault is not None and fault.kind is kind


def _is_browser(request: httpx2.Request) -> bool:
    return request.url.path == "/authorize"


def _applied(request: httpx2.Request, fault: Fault | None) -> Fault | None:
    """Return the fault if it can happen there: only the Web API says 404 at random."""
    known = request.url.path.startswith("/v1/") or not _is(fault, Kind.NOT_FOUND)
    return fault if known else None


def _body_of(kind: Kind) -> bytes:
    status = _STATUS[kind]
    return _HTML if kind is Kind.HTML else b'{"error":{"status":%d,"message":"..."}}' % status


async def _whole(request: httpx2.Request) -> bytes:
    return b"".join([part async for part in request.stream])  # type: ignore[union-attr]


async def _trace(request: httpx2.Request, event: str) -> None:
    trace = request.extensions.get("trace")
    if trace is not None:
        await trace(event, {})

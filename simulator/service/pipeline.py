"""The service as one ASGI app: log, fault, then accounts, Web API or artwork."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from simulator.faults.answers import answer_instead, random_error
from simulator.faults.wire import Send, damage_of, send_reply
from simulator.service.access import identify
from simulator.service.artwork import PREFIX as ARTWORK
from simulator.service.artwork import artwork
from simulator.service.authorize import authorize
from simulator.service.call import Call, Refused
from simulator.service.consent_page import STYLE_PATH, style
from simulator.service.reply import Reply, api_error
from simulator.service.state import State
from simulator.service.token import token
from simulator.service.web_api import WebApi
from simulator.truth.requests import RequestRecord

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
MOST_BODY_BYTES = 64 * 1024


class Service:
    """Accounts service, Web API and artwork; an ASGI app."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._web_api = WebApi(state)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; raises `ConnectionCut` when a fault says so."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"no such connection: {scope['type']}")
        call = self._arrive(scope)
        await self._read(call, receive)
        reply = self._answer(call)
        damage = damage_of(self._state.faults, call, reply)
        call.record.status = reply.status
        call.record.bytes = len(reply.body)
        await send_reply(reply, send, damage=damage, sleep=self._state.sleep)

    def _arrive(self, scope: MutableMapping[str, Any]) -> Call:
        """Note the request, before anything can go wrong with it."""
        state = self._state
        call = Call(scope, at=state.clock.now(), wire_s=state.clock.wire_s())
        identify(state, call)
        grant = call.token.grant if call.token else None
        listener = grant.listener if grant else None
        call.ordinal = state.ordinals[listener]
        state.ordinals[listener] += 1
        call.record = RequestRecord(
            ordinal=len(state.requests),
            at=call.at,
            wire_s=call.wire_s,
            service=_service(call.path),
            method=call.method,
            path=call.path,
            query=call.raw_query,
            client_id=grant.client_id if grant else None,
            listener=listener,
            grant=grant.id if grant else None,
        )
        state.requests.append(call.record)
        return call

    async def _read(self, call: Call, receive: Receive) -> None:
        if call.method == "GET":
            return
        body = bytearray()
        more = True
        while more and len(body) <= MOST_BODY_BYTES:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        call.body = bytes(body)

    def _answer(self, call: Call) -> Reply:
        state = self._state
        if len(call.body) > MOST_BODY_BYTES:
            return api_error(413, "Payload too large")
        chance = state.settings.error_rate
        try:
            return (
                answer_instead(state.faults, call)
                or random_error(state.settings.seed, chance, call)
                or self._handle(call)
            )
        except Refused as refused:
            return refused.reply

    def _handle(self, call: Call) -> Reply:
        if call.path.startswith("/v1/"):
            return self._web_api.answer(call)
        if call.path == "/authorize":
            call.record.endpoint = "authorize"
            return authorize(self._state, call)
        if call.path == "/api/token":
            return token(self._state, call)
        if call.path == STYLE_PATH:
            return style()
        if call.path.startswith(ARTWORK):
            call.record.endpoint = "image"
            return artwork(self._state, call.path)
        return api_error(404, "Service not found")


def _service(path: str) -> str:
    if path.startswith("/v1/"):
        return "api"
    return "artwork" if path.startswith(ARTWORK) else "accounts"


async def _lifespan(receive: Receive, send: Send) -> None:
    """Say yes to start and stop; nothing has to be opened."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

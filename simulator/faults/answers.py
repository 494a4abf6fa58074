"""Faults that answer instead of the service."""

from __future__ import annotations

from simulator.faults.board import FaultBoard, Kind
from simulator.faults.wire import hit
from simulator.service.call import Call
from simulator.service.draws import fraction
from simulator.service.reply import HTML, PLAIN, Reply, api_error

_HTML_BODY = (
    b"<!DOCTYPE html>\n<html><head><title>Please wait</title></head><body>...</body></html>"
)
ANSWERING = frozenset(
    {
        Kind.OUTAGE,
        Kind.NOT_FOUND,
        Kind.SERVER_ERROR,
        Kind.BAD_GATEWAY,
        Kind.UNAVAILABLE,
        Kind.HTML,
    }
)


def answer_instead(board: FaultBoard, call: Call) -> Reply | None:
    """Return the reply of a fault that hits this call, or None."""
    if not board.any_of(ANSWERING):
        return None
    for kind in Kind:
        if kind in ANSWERING and hit(board, kind, call) is not None:
            return _reply(kind)
    return None


def random_error(seed: int, rate: float, call: Call) -> Reply | None:
    """Return the 404, 502 or 503 that hits this call by chance, or None."""
    if rate <= 0 or not call.path.startswith("/v1/"):
        return None
    draw = fraction(seed, "random error", call.record.listener, call.ordinal)
    if draw >= rate:
        return None
    kind = (Kind.NOT_FOUND, Kind.BAD_GATEWAY, Kind.UNAVAILABLE)[int(draw / rate * 3)]
    call.record.fault = f"random_{kind.value}"
    return _reply(kind)


def _reply(kind: Kind) -> Reply:
    match kind:
        case Kind.NOT_FOUND:
            return api_error(404, "non existing id")
        case Kind.SERVER_ERROR:
            return api_error(500, "Server error.")
        case Kind.BAD_GATEWAY:
            return api_error(502, "Bad gateway.")
        case Kind.HTML:
            return Reply(200, _HTML_BODY, HTML)
        case Kind.OUTAGE:
            return Reply(503, b"upstream connect error", PLAIN)
        case _:
            return api_error(503, "Service unavailable")

"""Faults that damage an answer on its way to the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from simulator.faults.board import Fault, FaultBoard, Kind
from simulator.service.call import Call
from simulator.service.reply import Reply

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]
DAMAGING = frozenset({Kind.TRUNCATED, Kind.SLOW, Kind.DRIP, Kind.RESET})
SLOW_S = 5.0
DRIP_BYTES_S = 200.0


class ConnectionCut(ConnectionError):
    """The connection ends here, before the whole answer went out.

    On a port the server closes the connection. An in-process transport sees
    this exception and has to turn it into its own.
    """


@dataclass(frozen=True, slots=True)
class Damage:
    """What happens to one answer; None where nothing does."""

    slow_s: float | None = None
    drip_bytes_s: float | None = None
    cut_after: int | None = None


async def send_reply(reply: Reply, send: Send, *, damage: Damage | None, sleep: Sleep) -> int:
    """Send one answer, damaged as told; return the body bytes that went out.

    Raises:
        ConnectionCut: The damage says so, after part of the body was sent.
    """
    if damage is not None and damage.slow_s is not None:
        await sleep(damage.slow_s)
    headers = [(b"content-length", str(len(reply.body)).encode())]
    if reply.content_type:
        headers.append((b"content-type", reply.content_type.encode()))
    headers += [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if damage is not None and damage.cut_after is not None:
        part = reply.body[: min(damage.cut_after, max(len(reply.body) - 1, 0))]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        raise ConnectionCut(f"cut after {len(part)} of {len(reply.body)} bytes")
    if damage is not None and damage.drip_bytes_s is not None:
        await _drip(reply.body, send, bytes_s=damage.drip_bytes_s, sleep=sleep)
    else:
        await send({"type": "http.response.body", "body": reply.body})
    return len(reply.body)


def damage_of(board: FaultBoard, call: Call, reply: Reply) -> Damage | None:
    """Return the damage the faults do to this answer; truncate it in place."""
    if not board.any_of(DAMAGING):
        return None
    slow = hit(board, Kind.SLOW, call)
    drip = hit(board, Kind.DRIP, call)
    reset = hit(board, Kind.RESET, call)
    truncated = hit(board, Kind.TRUNCATED, call)
    if truncated is not None:
        reply.body = reply.body[: _bytes(truncated, reply)]
    return Damage(
        slow_s=None if slow is None else _value(slow, SLOW_S),
        drip_bytes_s=None if drip is None else max(_value(drip, DRIP_BYTES_S), 1.0),
        cut_after=None if reset is None else _bytes(reset, reply),
    )


def hit(board: FaultBoard, kind: Kind, call: Call) -> Fault | None:
    """Return the fault of `kind` that hits this call; the log line names it."""
    fault = board.take(kind, path=call.path, listener=call.record.listener, ordinal=call.ordinal)
    if fault is not None:
        call.record.fault = kind.value
    return fault


def _value(fault: Fault, default: float) -> float:
    return default if fault.value is None else fault.value


def _bytes(fault: Fault, reply: Reply) -> int:
    return len(reply.body) // 2 if fault.value is None else int(fault.value)


async def _drip(body: bytes, send: Send, *, bytes_s: float, sleep: Sleep) -> None:
    """Send a piece a second."""
    piece = max(int(bytes_s), 1)
    for start in range(0, len(body), piece):
        await send(
            {"type": "http.response.body", "body": body[start : start + piece], "more_body": True}
        )
        await sleep(piece / bytes_s)
    await send({"type": "http.response.body", "body": b""})

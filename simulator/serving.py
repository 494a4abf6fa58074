"""A simulator on ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import uvicorn

from simulator.app import Simulator

HOST = "127.0.0.1"
PORTS_TRIED = 20


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a served simulator answers; None for a part that is not served."""

    service: str
    control: str | None
    truth: str | None

    @property
    def authorize(self) -> str:
        """The authorisation page."""
        return f"{self.service}/authorize"

    @property
    def token(self) -> str:
        """The token endpoint."""
        return f"{self.service}/api/token"

    @property
    def web_api(self) -> str:
        """The Web API, without a slash at its end."""
        return f"{self.service}/v1"


@contextlib.asynccontextmanager
async def serving(
    simulator: Simulator,
    *,
    service_port: int = 0,
    control_port: int | None = 0,
    truth_port: int | None = 0,
) -> AsyncIterator[Urls]:
    """Serve a simulator while the block runs.

    Args:
        simulator: What to serve.
        service_port: First port to try; 0 for any free one. A taken port
            gives way to the next free one.
        control_port: The same for the controls; None not to serve them.
        truth_port: The same for the truth; None not to serve it.

    Raises:
        OSError: No port free among the 20 from the one asked for.
    """
    parts: list[tuple[Any, int | None]] = [
        (simulator.service, service_port),
        (simulator.control, control_port),
        (simulator.truth, truth_port),
    ]
    async with contextlib.AsyncExitStack() as stack:
        urls = [
            None if port is None else await stack.enter_async_context(_one(app, port))
            for app, port in parts
        ]
        service, control, truth = urls
        if service is None:
            raise ValueError("the service needs a port; 0 is any free one")
        yield Urls(service, control, truth)


async def serve(
    simulator: Simulator,
    *,
    service_port: int = 0,
    control_port: int | None = 0,
    truth_port: int | None = 0,
    ready: Callable[[Urls], None] | None = None,
    until: asyncio.Event | None = None,
) -> None:
    """Serve a simulator until `until` is set, or for ever.

    Args:
        simulator: What to serve.
        service_port: As in `serving`.
        control_port: As in `serving`.
        truth_port: As in `serving`.
        ready: Called once with the addresses when all parts answer.
        until: Set it to end.
    """
    async with serving(
        simulator, service_port=service_port, control_port=control_port, truth_port=truth_port
    ) as urls:
        if ready is not None:
            ready(urls)
        await (until or asyncio.Event()).wait()


def free_socket(port: int) -> socket.socket:
    """Return a socket bound to `port`, or to the next free one of 20.

    Raises:
        OSError: All of them are taken.
    """
    for candidate in range(port, port + (PORTS_TRIED if port else 1)):
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, candidate))
        except OSError:
            bound.close()
        else:
            return bound
    raise OSError(f"no free port from {port} to {port + PORTS_TRIED - 1}")


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def _one(app: Any, port: int) -> AsyncIterator[str]:
    """Serve one ASGI app while the block runs; yield its address."""
    bound = free_socket(port)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            if task.done():
                await task
                raise OSError("the server ended before it answered")
            await asyncio.sleep(0.01)
        yield f"http://{HOST}:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        bound.close()

"""A web server on a real port of this machine that answers as it is told, or not at all."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def reply(status: int = 200, body: object = None, **headers: str) -> Answer:
    """Answer in full: bytes and text as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else _encoded(body)
    lines = [f"HTTP/1.1 {status} Told", f"content-length: {len(content)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)

    return answer


def _encoded(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def refusal(status: int, message: str = "no", *, reason: str = "", **headers: str) -> Answer:
    """Answer with the Web API's error envelope."""
    error = {"status": status, "message": message, **({"reason": reason} if reason else {})}
    return reply(status, {"error": error}, **headers)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Begin a good answer and break the connection in the middle of the body."""
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{"items": [')
    await writer.drain()
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def hang(writer: asyncio.StreamWriter) -> None:
    """Say nothing, for as long as the server stands."""
    await asyncio.get_running_loop().create_future()


@dataclass
class FaultServer:
    """Serves `answers` in order, then `always`.

    Attributes:
        answers: What to answer next.
        always: What to answer when `answers` is empty.
        paths: Path and query of each request, in order.
        headers: Its headers, names in lower case.
        during: Called while each request is being answered.
    """

    answers: deque[Answer] = field(default_factory=deque)
    always: Answer = field(default_factory=lambda: reply(200, {"id": "ada"}))
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def authorizations(self) -> list[str]:
        """The Authorization header of each request, "" where there was none."""
        return [headers.get("authorization", "") for headers in self.headers]

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, with whatever is still being answered."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side gave up
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value
            for name, value in (line.split(": ", 1) for line in head[1:] if line)
        }
        await reader.readexactly(int(headers.get("content-length", 0)))
        self.paths.append(head[0].split(" ")[1])
        self.headers.append(headers)
        self.during()
        answer = self.answers.popleft() if self.answers else self.always
        await answer(writer)
        await writer.drain()

"""The simulator is quick enough to test against: pages of shows, and lives of many listeners.

Pages stand beside a bare ASGI app that answers the same requests with the same bytes, in
this process and, each in a process of its own, on a port. Lives stand beside the plays
alone: as many objects of the same kind, made without asking who listens when. What needs
no second process is measured in processor time, which neighbours on the machine hardly change.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from benchmarks.harness import Goal, Report, Row, Table, interleaved, main, peak_mb
from simulator.app import Simulator, build
from simulator.clock import DEFAULT_START, SimClock
from simulator.serving import Urls, free_socket, serve
from simulator.settings import DEFAULT_CLIENT_ID, Bucket, Settings
from simulator.world.types import Play
from simulator.world.world import World

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

PAGE = 50
CONNECTIONS = 16
"""Enough of them that none of the waits for the kernel's windows leaves the server idle."""
LISTENERS = 200
YEAR = timedelta(days=365)
_LARGEST = 2**20
_SPAWN = multiprocessing.get_context("spawn")


def simulator() -> tuple[Simulator, str]:
    """Return a simulator without limits whose clock stands, and a token of its first listener.

    The same each time: the token of one is good for all.
    """
    endless = Settings(window_calls=0, quotas=dict.fromkeys(Bucket, 1_000_000_000))
    built = build(endless, SimClock(frozen=True))
    code = built.grants.consent(
        client_id=DEFAULT_CLIENT_ID,
        listener=0,
        scopes=frozenset({"user-library-read", "user-read-playback-position"}),
        redirect_uri="",
        challenge="",
        at=built.clock.now(),
    )
    return built, built.grants.redeem(code, at=built.clock.now())


def pages_of(built: Simulator) -> list[tuple[str, str]]:
    """Return path and query of every page of the shows that the first listener has saved."""
    world, now = built.world, built.clock.now()
    return [
        (f"/v1/shows/{world.show(saved.show).id}/episodes", f"limit={PAGE}&offset={offset}")
        for saved in world.saved_shows(0, now)
        for offset in range(0, world.episode_count(saved.show, now), PAGE)
    ]


def bare_app(answers: dict[tuple[str, str], bytes]) -> App:
    """Return an app that looks each answer up and sends it: the least a server can do."""

    async def app(scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
        body = answers[scope["path"], scope["query_string"].decode()]
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def ask(app: App, pages: list[tuple[str, str]], token: str) -> list[bytes]:
    """Ask an app for pages, one after another, without a server between."""
    answers: list[bytes] = []
    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message  # noqa: PLR2004 - OK
        else:
            answers.append(message["body"])

    for path, query in pages:
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await app(scope, receive, send)
    return answers


async def fetch(port: int, pages: list[tuple[str, str]], token: str) -> None:
    """Fetch pages over a few connections at once, each page read to its last byte."""
    left = iter(pages)

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LARGEST)
        for path, query in left:
            head = f"GET {path}?{query} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            writer.write(f"{head}authorization: Bearer {token}\r\n\r\n".encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert answer.startswith(b"http/1.1 200"), answer
            length = answer.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


def serve_simulator(pipe: Connection) -> None:
    """Serve a simulator, telling its port; for a process of its own."""

    def ready(urls: Urls) -> None:
        pipe.send(int(urls.service.rpartition(":")[2]))

    built, _ = simulator()
    run_fastest(serve(built, control_port=None, truth_port=None, ready=ready))


def serve_bare(pipe: Connection) -> None:
    """Serve what comes through the pipe, telling the port; for a process of its own."""
    app = bare_app(pipe.recv())
    bound = free_socket(0)
    bound.listen()
    pipe.send(bound.getsockname()[1])
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    run_fastest(uvicorn.Server(config).serve(sockets=[bound]))


def run_fastest(work: Coroutine[Any, Any, None]) -> None:
    """Run on the fastest event loop installed, as `python -m simulator` does."""
    fastest = uvicorn.Config("", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=fastest) as runner:
        runner.run(work)


@contextmanager
def on_a_port(
    target: Callable[[Connection], None], told: dict[tuple[str, str], bytes] | None = None
) -> Iterator[int]:
    """Run a server in a process of its own while the block runs; yields its port."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(there,), daemon=True)
    process.start()
    try:
        if told is not None:
            here.send(told)
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def measure_pages(report: Report, *, rounds: int, repeats: int) -> None:
    """Measure pages a second, in process and on a port."""
    built, token = simulator()
    pages = pages_of(built)
    answers = asyncio.run(ask(built.service, pages, token))
    told = dict(zip(pages, answers, strict=True))
    many = pages * repeats

    def rate(work: Callable[[], Any], clock: Callable[[], float]) -> Callable[[], float]:
        def run() -> float:
            began_s = clock()
            work()
            return len(many) / (clock() - began_s)

        return run

    bare = bare_app(told)
    inside = interleaved(
        rounds,
        bare=rate(lambda: asyncio.run(ask(bare, many, token)), time.process_time),
        simulator=rate(lambda: asyncio.run(ask(built.service, many, token)), time.process_time),
    )
    with on_a_port(serve_bare, told) as bare_port, on_a_port(serve_simulator) as port:
        asyncio.run(fetch(port, pages, token))
        outside = interleaved(
            rounds,
            bare=rate(lambda: asyncio.run(fetch(bare_port, many, token)), time.perf_counter),
            simulator=rate(lambda: asyncio.run(fetch(port, many, token)), time.perf_counter),
        )
    for name, found, unit, least in (
        ("in_process", inside, "a processor second", 1_500),
        ("on_a_port", outside, "a second", 1_000),
    ):
        rows = [Row("bare app, same bytes", found["bare"]), Row("simulator", found["simulator"])]
        title = f"Pages of {PAGE} episodes {name.replace('_', ' ')}"
        report.tables.append(Table(title, unit, rows))
        report.add(f"pages_per_s_{name}", rows[1].median, Goal(least, at_least=True))
        report.add(f"pages_{name}_ratio", rows[1].median / rows[0].median)


@dataclass(frozen=True, slots=True)
class Lived:
    """Lives that were asked for: processor seconds, plays, seconds of these alone, peak MB."""

    seconds: float
    plays: int
    bare_s: float
    peak_mb: float


def live(pipe: Connection, listeners: int, years: int) -> None:
    """Ask a new world for all plays of some listeners; for a process of its own."""
    since = DEFAULT_START - YEAR if years == 1 else DEFAULT_START
    began_s = time.process_time()
    world = World(1, epoch=DEFAULT_START, listeners=listeners)
    plays: list[Play] = []
    count = 0
    for listener in range(listeners):
        plays = world.plays(listener, since, since + years * YEAR)
        count += len(plays)
    seconds, peak = time.process_time() - began_s, peak_mb()
    facts = astuple(plays[0])
    began_s = time.process_time()
    for _ in range(count):
        Play(*facts)
    pipe.send(Lived(seconds, count, time.process_time() - began_s, peak))


def lived(listeners: int, years: int) -> Lived:
    """Return what `live` measures in a new process."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=live, args=(there, listeners, years), daemon=True)
    process.start()
    found: Lived = here.recv()
    process.join()
    return found


def measure_lives(report: Report, *, rounds: int) -> None:
    """Measure a year of many listeners and ten years of one."""
    found = interleaved(rounds, many=lambda: lived(LISTENERS, 1), long=lambda: lived(1, 10))
    for name, title, most_s in (
        ("many", f"{LISTENERS} listeners, 1 year", 5.0),
        ("long", "1 listener, 10 years", 0.3),
    ):
        rows = [
            Row("plays alone", [one.bare_s for one in found[name]]),
            Row("world", [one.seconds for one in found[name]]),
        ]
        report.tables.append(Table(title, "processor s", rows))
        label = "200_listeners_1_year" if name == "many" else "1_listener_10_years"
        report.add(f"{label}_s", rows[1].median, Goal(most_s))
        report.add(f"{label}_plays", found[name][0].plays)
        if name == "many":
            report.add(f"{label}_peak_mb", max(one.peak_mb for one in found[name]), Goal(150))


def measure(quick: bool) -> Report:  # noqa: FBT001 - the harness asks so
    """Measure all of it."""
    report = Report("simulator")
    rounds = 3 if quick else 7
    measure_pages(report, rounds=rounds, repeats=4 if quick else 10)
    measure_lives(report, rounds=1 if quick else rounds)
    return report


if __name__ == "__main__":
    sys.exit(main("simulator", __doc__, measure))

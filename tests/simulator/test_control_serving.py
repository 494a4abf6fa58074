"""A simulator on ports, and as a program of its own."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import MutableMapping

import httpx2
import pytest

from simulator.__main__ import main
from simulator.app import build
from simulator.serving import Urls, free_socket, serve, serving
from simulator.settings import Settings
from tests.simulator.driving import Driver


def _small() -> Settings:
    return Settings(shows=10, listeners=1, shows_per_listener=3)


async def test_all_three_parts_answer_on_ports_of_their_own() -> None:
    """A whole connection over real sockets; links point back to the port."""
    simulator = build(_small())
    async with serving(simulator) as urls, httpx2.AsyncClient(base_url=urls.service) as http:
        caller = await Driver(simulator, http).connected(0)
        me = (await caller.get("/me")).json()
        snapshot = await http.get(f"{urls.control}/_control/snapshot")
        consents = await http.get(f"{urls.truth}/_truth/consents")
        crossed = [
            (await http.get(f"{urls.service}{path}")).status_code
            for path in ("/_control/snapshot", "/_truth/consents")
        ]

    assert me["href"].startswith(f"{urls.web_api}/users/")
    assert (200, 200) == (snapshot.status_code, consents.status_code)
    assert [404, 404] == crossed
    assert (f"{urls.service}/authorize", f"{urls.service}/api/token") == (
        urls.authorize,
        urls.token,
    )


async def test_parts_that_are_not_wanted_stay_closed() -> None:
    """None for a port keeps control and truth shut."""
    async with serving(build(_small()), control_port=None, truth_port=None) as urls:
        assert (None, None) == (urls.control, urls.truth)


async def test_serve_ends_when_told() -> None:
    """The addresses are told once all parts answer."""
    told: list[Urls] = []
    until = asyncio.Event()

    def ready(urls: Urls) -> None:
        told.append(urls)
        until.set()

    await serve(build(_small()), ready=ready, until=until)

    assert 1 == len(told)


def test_a_taken_port_gives_way_to_the_next() -> None:
    """Twenty are tried, then it is an error."""
    first = free_socket(0)
    first.listen()
    taken = first.getsockname()[1]
    second = free_socket(taken)

    assert taken < second.getsockname()[1] < taken + 20
    first.close()
    second.close()


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one port to try and that one taken."""
    monkeypatch.setattr("simulator.serving.PORTS_TRIED", 1)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with pytest.raises(OSError, match="no free port"):
            free_socket(held.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_tells_its_addresses_and_ends_cleanly(number: signal.Signals) -> None:
    """One JSON line when ready, exit status 0 and a quiet stderr when told to end."""
    arguments = ("-m", "simulator", "--json", "--seed", "7", "--listeners", "2", "--rate", "60")
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    urls = json.loads(await asyncio.wait_for(program.stdout.readline(), 30))
    async with httpx2.AsyncClient() as http:
        snapshot = (await http.get(f"{urls['control']}/_control/snapshot")).json()
    program.send_signal(number)
    rest, errors = await asyncio.wait_for(program.communicate(), 30)

    assert (7, 2, 60) == (snapshot["seed"], snapshot["listeners"], snapshot["clock"]["rate"])
    assert (0, b"", b"") == (program.returncode, rest, errors)


async def test_the_service_starts_and_stops_under_any_server(driver: Driver) -> None:
    """It answers both lifespan messages and refuses connections it does not know."""
    messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return next(messages)

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message["type"])

    await driver.simulator.service({"type": "lifespan"}, receive, send)

    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == sent
    with pytest.raises(ValueError, match="websocket"):
        await driver.simulator.service({"type": "websocket"}, receive, send)


@pytest.mark.parametrize(
    "arguments", [["--listeners", "0"], ["--rate", "-1"], ["--port", "70000"], ["--mode", "turbo"]]
)
def test_options_out_of_range_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage and status 2, before anything is served."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    assert arguments[0] in capsys.readouterr().err


async def test_a_service_without_a_port_is_an_error() -> None:
    """Only control and truth can be left out."""
    with pytest.raises(ValueError, match="the service needs a port"):
        async with serving(build(_small()), service_port=None):  # type: ignore[arg-type]  # the point
            raise AssertionError

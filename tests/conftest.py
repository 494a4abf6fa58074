"""What every test can use: the session's servers, its seed, and the fence around the network."""

import os
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import structlog

from tests.databases import PostgresServer
from tests.network import close_network, opened_network
from tests.servers import EXTERNAL_POSTGRES, SUPERUSER, Keeper, Ports
from tests.utils import database_waits

close_network()
database_waits.watch()
# Unconfigured, structlog renders tracebacks with all local variables, which takes seconds each.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)

pytest_plugins = ["tests.fixtures"]

_KEEPER = pytest.StashKey[Keeper]()
# Folders whose tests run programs in real time: one after the other, in one process of the run.
_TOGETHER = frozenset({"endtoend", "faults"})
_SERVER_FIXTURES = frozenset({"server_ports", "postgres_server", "postgres_roles", "valkey_url"})


def _without_servers(config: pytest.Config) -> bool:
    return "not server" in config.getoption("markexpr")


def _ports_of(config: pytest.Config) -> Ports:
    """Where the servers listen; started by the first who asks."""
    if config.stash.get(_KEEPER, None) is None:
        config.stash[_KEEPER] = Keeper()
    return config.stash[_KEEPER].ports


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let PLAYHEAD_TEST_SEED choose order and data, before pytest-randomly draws a seed."""
    chosen = os.environ.get("PLAYHEAD_TEST_SEED")
    if chosen and not hasattr(config, "workerinput"):
        config.option.randomly_seed = int(chosen)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how to repeat this run; `-q` would hide a header."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(session.config, "workerinput"):
        seed = session.config.getoption("randomly_seed", 0)
        reporter.write_line(f"To repeat this run: PLAYHEAD_TEST_SEED={seed}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell an xdist worker where the servers are; only the controller owns them."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]  # xdist's WorkerController
    if not _without_servers(config):
        node.workerinput["ports"] = _ports_of(config)  # type: ignore[attr-defined]  # as above


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, if any were started."""
    keeper = config.stash.get(_KEEPER, None)
    if keeper is not None:
        keeper.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server or its turn, and leave out endurance tests nobody asked for."""
    for item in items:
        if _SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
        if item.path.parent.name in _TOGETHER:
            item.add_marker(pytest.mark.xdist_group("programs"))
    if os.environ.get("PLAYHEAD_ENDURANCE") != "1":
        endurance = [item for item in items if item.get_closest_marker("endurance")]
        config.hook.pytest_deselected(items=endurance)
        items[:] = [item for item in items if item not in endurance]


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Open the network to tests marked `live`, and to no other."""
    live = request.node.get_closest_marker("live") is not None
    with opened_network() if live else nullcontext():
        yield


@pytest.fixture(scope="session")
def fault_seed(pytestconfig: pytest.Config) -> int:
    """Seed of all faults and invented data in this run; printed at its start."""
    seed: int = pytestconfig.getoption("randomly_seed", 0)
    return seed


@pytest.fixture(scope="session")
def server_ports(pytestconfig: pytest.Config) -> Ports:
    """Ports of the session's servers; a server that cannot start is an error."""
    if _without_servers(pytestconfig):
        pytest.fail("This test starts a server: mark it with @pytest.mark.server.")
    if hasattr(pytestconfig, "workerinput"):
        ports: Ports = pytestconfig.workerinput["ports"]
        return ports
    return _ports_of(pytestconfig)


@pytest.fixture(scope="session")
def postgres_server(server_ports: Ports) -> PostgresServer:
    """PostgreSQL of this session, or the one TEST_POSTGRES_URL names."""
    if server_ports["postgres"] is None:
        return PostgresServer.from_url(os.environ[EXTERNAL_POSTGRES])
    return PostgresServer(host="127.0.0.1", port=server_ports["postgres"], superuser=SUPERUSER)


@pytest.fixture(scope="session")
def postgres_roles(postgres_server: PostgresServer) -> PostgresServer:
    """The session's PostgreSQL, with the product's four roles in it."""
    postgres_server.create_roles()
    return postgres_server


@pytest.fixture(scope="session")
def valkey_url(server_ports: Ports) -> str:
    """URL of the session's Valkey; tests share it, so they name their keys apart."""
    return f"redis://127.0.0.1:{server_ports['valkey']}/0"

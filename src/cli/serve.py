"""`playhead serve`."""

import asyncio
import socket
import sys
from functools import partial
from typing import Any

import click
import uvicorn

from src.cli.opening import with_runtime
from src.config import Settings
from src.errors import SettingsRefused
from src.main import create_app
from src.operations.fitting_keys import demand_fitting_keys
from src.runtime import Runtime
from src.users.service import issue_setup_code
from src.utils.logging import configure_logging


@click.command("serve")
@click.option("--host", help="Address to listen on (HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (PORT).")
@click.option(
    "--accept-new-keys",
    is_flag=True,
    help="The old encryption keys are lost: go on with new ones. Everybody connects again.",
)
def command(host: str | None, port: int | None, *, accept_new_keys: bool) -> None:
    """Run the service: web, API and background sync in one process.

    The first start makes the data folder, the database and the key file. On
    SQLite it migrates the database by itself; on PostgreSQL run `playhead
    migrate` first. It ends on Ctrl+C or SIGTERM once running syncs have stored
    their page; the exit code after SIGTERM is 143.
    """
    given: dict[str, Any] = {
        name: value for name, value in (("host", host), ("port", port)) if value is not None
    }
    settings = Settings(**given)
    listener = _listen(settings)
    begin = partial(_how_to_begin, accept_new_keys=accept_new_keys)
    first = asyncio.run(with_runtime(settings, begin))
    click.echo(f"Playhead answers at {settings.public_url}")
    if first:
        click.echo(f"Nobody owns it yet. Register the first account at {first}")
    sys.stdout.flush()
    runtime = Runtime.open(settings)
    configure_logging(
        level=settings.log_level.upper(),
        stream=sys.stdout,
        clock=runtime.clock,
        json=settings.log_format == "json",
    )
    config = uvicorn.Config(
        create_app(runtime),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything else, so that a taken one is told in a sentence."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsRefused(
            f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}). If "
            "Playhead is running already, open its page; else choose another with --port."
        ) from error
    return listener


async def _how_to_begin(runtime: Runtime, *, accept_new_keys: bool) -> str | None:
    """Return how the first account is made; None once there is one."""
    await demand_fitting_keys(runtime, accept_new=accept_new_keys)
    code = await issue_setup_code(runtime)
    if code is None:
        return None
    url = runtime.settings.public_url
    return url if runtime.settings.is_local else f"{url}/?setup_code={code}"

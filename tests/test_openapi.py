"""The OpenAPI document is true: what it describes is what is answered."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from src.config import Settings
from src.operations.migrations import upgrade
from src.runtime import Runtime
from src.utils.entropy import SeededEntropy
from tests.users.clients import app_on, bearer_of
from tests.utils.stepped_clock import SteppedClock

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDS_THE_TOKEN = {("POST", "/api/auth/logout"), ("DELETE", "/api/auth/tokens")}


@dataclass(frozen=True, slots=True)
class Service:
    """The application on a loop of its own, and a program that may do everything."""

    loop: asyncio.AbstractEventLoop
    schema: Any
    client: httpx2.AsyncClient


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One application for the module; what it stores is thrown away."""
    folder: Path = tmp_path_factory.mktemp("openapi")
    chosen = Settings(
        _env_file=None,
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'playhead.db'}",
        encryption_keys=SecretStr(f"1:{Fernet.generate_key().decode()}"),
    )
    upgrade(chosen.effective_database_url)
    loop = asyncio.new_event_loop()
    runtime = Runtime.open(chosen, clock=SteppedClock(), entropy=SeededEntropy("openapi"))
    app = app_on(runtime)
    client = loop.run_until_complete(bearer_of(app, scopes=["read", "sync", "import", "account"]))
    yield Service(loop, schemathesis.openapi.from_dict(app.openapi()), client)
    loop.run_until_complete(runtime.close())
    loop.close()


def operations(schema: Any) -> Iterator[Any]:
    """Every operation that ends by itself and leaves the program its token."""
    for result in schema.get_all_operations():
        operation = result.ok()
        name = (operation.method.upper(), operation.path)
        if name not in ENDS_THE_TOKEN and "text/event-stream" not in str(operation.definition.raw):
            yield operation


@pytest.mark.slow
def test_generated_requests_get_what_the_document_says(service: Service) -> None:
    """Whatever is sent: a described status, the described body, and never a failure of ours."""
    tried = 0
    for operation in operations(service.schema):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def holds(case: Any) -> None:
            nonlocal tried
            sent = case.as_transport_kwargs(base_url="https://127.0.0.1:8000")
            sent["headers"].pop("Authorization", None)  # the program has a better one
            del sent["cookies"]
            reply = service.loop.run_until_complete(service.client.request(**sent))
            case.validate_response(reply, checks=CHECKS)
            tried += 1

        holds()

    assert tried > 30

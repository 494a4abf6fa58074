"""Every route of an application, as tests walk them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    definition: dict[str, Any]

    @property
    def name(self) -> str:
        """Method and path, as the document has them."""
        return f"{self.method} {self.path}"

    def parameters(self, place: str) -> list[str]:
        """Names of the parameters in `path` or `query`."""
        declared = self.definition.get("parameters", [])
        return [one["name"] for one in declared if one["in"] == place]

    @property
    def has_body(self) -> bool:
        """Whether it takes one."""
        return "requestBody" in self.definition

    @property
    def is_stream(self) -> bool:
        """Whether its reply goes on until somebody ends it."""
        return any(
            STREAM in one.get("content", {}) for one in self.definition["responses"].values()
        )


def operations(app: FastAPI) -> Iterator[Operation]:
    """Every operation the OpenAPI document describes."""
    for path, methods in app.openapi()["paths"].items():
        for method, definition in methods.items():
            yield Operation(method.upper(), path, definition)


def undescribed(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route the document leaves out: pages, their forms and files."""
    described = {(operation.method, operation.path) for operation in operations(app)}
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or ()):
            if (method, context.path) not in described:
                yield method, str(context.path)

"""Holds replies to the published description of the Web API.

The description is not part of this repository. It is looked for in the folder
that `PLAYHEAD_SPOTIFY_SAMPLES` names, else in `../shared/spotify` beside the
repository.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

DOCUMENT = "spotify-podcast-subset.openapi.yml"
FOLDER_VARIABLE = "PLAYHEAD_SPOTIFY_SAMPLES"
_ROOT = Path(__file__).resolve().parents[2]


class ContractBroken(AssertionError):
    """A reply is not what the description promises."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A difference that the real service shows as well.

    Attributes:
        pattern: Shell pattern of complaints, which read
            `GET /me/shows 200 /items/0/show: message`.
        reason: Why it is right all the same.
    """

    pattern: str
    reason: str


DEVIATIONS = (
    Deviation('*: "available_markets" is a required property', "gone in development mode"),
    Deviation('*: "publisher" is a required property', "gone in development mode"),
    Deviation('*/episodes* 200 /items/*: null is not of type "object"', "list items may be null"),
    Deviation('* /me/shows 200 /items/*: null is not of type "object"', "list items may be null"),
    Deviation("*/shows/{id} 200 /episodes/items/*: null is *", "list items may be null"),
    Deviation('*/search 200 */items/*: null is not of type "object"', "list items may be null"),
    Deviation("* /me/episodes 200 /items/*/episode/*: null is not *", "a tombstone is all nulls"),
    Deviation(
        '* /me/episodes 200 /items/*/episode: "is_playable" is a required property',
        "a tombstone cannot be played",
    ),
    Deviation("* /me/player* 200 /item: null is not *", "told to be null in prose alone"),
    Deviation("* /me/player* 200 /context: null is not *", "told to be null in prose alone"),
    Deviation(
        "* /me/player/recently-played 200 /items/*/context: null is not *",
        "a track can be heard outside any context",
    ),
    Deviation(
        "* /me/player/recently-played 200 /next: null is not *",
        "told to be null in prose alone",
    ),
    Deviation("* /me/player/queue 200 /currently_playing: null is not *", "nothing may be playing"),
    Deviation("* /shows 200 /shows/*: null is not *", "an unknown id of a batch is null"),
    Deviation("* /episodes 200 /episodes/*: null is not *", "an unknown id of a batch is null"),
    Deviation(
        '* /me/library/contains 400 *: "*" is a required property',
        "errors come in their envelope here too",
    ),
)


class Contract:
    """The description, ready to check replies against; counts what deviates."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = _converted(document["components"])
        self._paths: dict[str, Any] = _converted(document["paths"])
        self._validators: dict[tuple[str, int], Any] = {}
        self._used: set[Deviation] = set()
        self.checked: set[tuple[str, int]] = set()

    def check(self, method: str, path: str, status: int, body_json: object) -> None:
        """Hold one reply to the description.

        Args:
            method: HTTP method of the request.
            path: Its path, with or without `/v1` in front.
            status: HTTP status of the reply.
            body_json: The parsed body; None for a reply without JSON.

        Raises:
            ContractBroken: The reply deviates in a way that is not listed.
        """
        template = self._template(path.removeprefix("/v1"))
        if template is None and status < 400:
            raise ContractBroken(f"{method} {path} is not described, yet answered {status}")
        if body_json is None and status in {204, 304, 403, 429}:
            return
        where = f"{method} {template or path} {status}"
        self.checked.add((template or "unknown", status))
        errors = self._validator(template, status).iter_errors(body_json)
        complaints = [self._complaint(where, error) for error in errors]
        unlisted = [one for one in complaints if not self._listed(one)]
        if unlisted:
            raise ContractBroken("\n".join(unlisted[:10]))

    def unused(self) -> list[Deviation]:
        """Return the listed deviations that no reply has shown."""
        return [one for one in DEVIATIONS if one not in self._used]

    def templates(self) -> dict[str, str]:
        """Return every described path and what development mode makes of it."""
        return {
            path: item["get"].get("x-dev-mode", "available") for path, item in self._paths.items()
        }

    def _complaint(self, where: str, error: Any) -> str:
        place = "/" + "/".join(map(str, error.instance_path))
        return f"{where} {place}: {error.message}"

    def _listed(self, complaint: str) -> bool:
        hits = [one for one in DEVIATIONS if fnmatchcase(complaint, one.pattern)]
        self._used.update(hits)
        return bool(hits)

    def _template(self, path: str) -> str | None:
        if path in self._paths:
            return path
        parts = path.split("/")
        for template in self._paths:
            wanted = template.split("/")
            if len(wanted) == len(parts) and all(
                want in {"{id}", part} for want, part in zip(wanted, parts, strict=True)
            ):
                return template
        return None

    def _validator(self, template: str | None, status: int) -> Any:
        key = (template or "", status)
        if key not in self._validators:
            schema = {"components": self._schemas, "allOf": [self._schema(template, status)]}
            self._validators[key] = jsonschema_rs.validator_for(schema)
        return self._validators[key]

    def _schema(self, template: str | None, status: int) -> object:
        """Return the schema of a reply; the error envelope where none is described."""
        if template is not None:
            reply = self._paths[template]["get"]["responses"].get(str(status), {})
            if "$ref" in reply:
                reply = self._schemas["responses"][reply["$ref"].rpartition("/")[2]]
            if "content" in reply:
                return reply["content"]["application/json"]["schema"]
        if status < 400:
            return False
        return self._schemas["responses"]["Forbidden"]["content"]["application/json"]["schema"]


def samples_folder() -> Path:
    """Return the folder of the description and the samples.

    Skips the test when it is absent, except where `CI` is set: there its
    absence is a failure.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else _ROOT.parent / "shared" / "spotify"
    if (folder / DOCUMENT).is_file():
        return folder
    reason = f"no {DOCUMENT} in {folder}; {FOLDER_VARIABLE} can name another folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _document(path: Path) -> dict[str, Any]:
    """Read the description once, dates as the text they are."""

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - shaped by the library
            key: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
            for key, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        }

    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader)  # noqa: S506 - a safe loader
    return loaded


def load_contract() -> Contract:
    """Return a fresh contract, or skip or fail as `samples_folder` does."""
    return Contract(_document(samples_folder() / DOCUMENT))


def _converted(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: nulls allowed, choices made by type."""
    if isinstance(node, list):
        return [_converted(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _converted(value) for key, value in node.items() if key != "example"}
    if "discriminator" in made and "oneOf" in made:
        return _by_type(made["oneOf"])
    if made.pop("nullable", False):
        made["type"] = [made["type"], "null"]
    return made


def _by_type(choices: list[Any]) -> dict[str, Any]:
    """Choose an episode or a track by its `type`, as a client has to."""
    track, episode = choices
    is_episode = {"properties": {"type": {"const": "episode"}}, "required": ["type"]}
    return {"type": "object", "if": is_episode, "then": episode, "else": track}

"""The simulated Spotify as a program of its own, with its controls and its truth."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from simulator.settings import DEFAULT_CLIENT_ID
from tests.faults.processes import Program, clean_environment

CONTROL = "/_control"
TRUTH = "/_truth"
_MOST_RECORDS = 1_000


@dataclass(frozen=True)
class SpotifyProcess:
    """Where it answers, and how its switches and its memory are reached.

    Attributes:
        program: The child process.
        service: Address of the accounts service and the Web API.
    """

    program: Program
    service: str
    _control: str
    _truth: str
    _http: httpx2.Client

    @property
    def settings(self) -> dict[str, str]:
        """Settings that lead a Playhead here instead of to Spotify."""
        return {
            "SPOTIFY_CLIENT_ID": DEFAULT_CLIENT_ID,
            "SPOTIFY_API_URL": f"{self.service}/v1",
            "SPOTIFY_ACCOUNTS_URL": self.service,
        }

    def switch_on(self, kind: str, **fault: Any) -> str:
        """Switch a fault on; return its handle. Fields are those of the fault board."""
        return str(self._post("/faults", kind=kind, **fault)["id"])

    def switch_off(self, kind: str | None = None) -> None:
        """Switch off every fault, or those of one kind."""
        query = {} if kind is None else {"kind": kind}
        self._http.delete(f"{self._control}{CONTROL}/faults", params=query).raise_for_status()

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are on."""
        found: list[dict[str, Any]] = self._get(self._control, f"{CONTROL}/faults")["faults"]
        return found

    def revoke(self, listener: int) -> None:
        """Withdraw every grant of a listener."""
        self._post(f"/listeners/{listener}/revoke")

    def requests(self) -> list[dict[str, Any]]:
        """Return every request so far, in order of arrival."""
        found: list[dict[str, Any]] = []
        while True:
            query = {"offset": len(found), "limit": _MOST_RECORDS}
            page = self._get(self._truth, f"{TRUTH}/requests", **query)
            found += page["requests"]
            if not page["requests"] or len(found) >= page["total"]:
                return found

    def seen(self) -> int:
        """Return how many requests arrived so far."""
        page = self._get(self._truth, f"{TRUTH}/requests", limit=1)
        return int(page["total"])

    def summary(self) -> dict[str, Any]:
        """Return the figures of the request log."""
        return self._get(self._truth, f"{TRUTH}/requests/summary")

    def library(self, listener: int) -> dict[str, Any]:
        """Return what a listener has saved now."""
        return self._get(self._truth, f"{TRUTH}/listeners/{listener}/library")

    def episodes(self, show_id: str) -> list[str]:
        """Return the ids of a show's episodes in the order in which the service lists them."""
        found: list[str] = self._get(self._truth, f"{TRUTH}/shows/{show_id}/episodes")["episodes"]
        return found

    def _get(self, base: str, path: str, /, **query: Any) -> dict[str, Any]:
        answer = self._http.get(base + path, params=query).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _post(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = self._http.post(f"{self._control}{CONTROL}{path}", json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def simulated_spotify(
    folder: Path, *, listeners: int = 2, seed: int = 1
) -> AsyncIterator[SpotifyProcess]:
    """Run a simulated Spotify while the block runs.

    Args:
        folder: For its log.
        listeners: People in its world; all may use the app.
        seed: Which world.
    """
    command = [sys.executable, "-m", "simulator", "--json"]
    command += ["--listeners", str(listeners), "--seed", str(seed)]
    environment = clean_environment(folder)
    with (
        Program(command, log=folder / "simulator.log", environment=environment) as program,
        httpx2.Client(timeout=20.0, trust_env=False) as http,
    ):
        urls = json.loads((await program.prints("\n")).splitlines()[0])
        yield SpotifyProcess(program, urls["service"], urls["control"], urls["truth"], http)

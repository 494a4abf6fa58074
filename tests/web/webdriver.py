"""A real browser on this machine, driven by the WebDriver protocol."""

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's own name for an element's key
_PATIENCE_S = 20.0


class Browser:
    """One window. Positions and sizes are CSS pixels."""

    def __init__(self, http: httpx2.Client, session: str) -> None:
        """Drive the window of `session`."""
        self._http = http
        self._path = f"/session/{session}"

    def _post(self, path: str, **body: Any) -> Any:
        reply = self._http.post(self._path + path, json=body)
        assert reply.is_success, reply.text
        return reply.json()["value"]

    def open(self, url: str) -> None:
        """Load `url` and wait for it."""
        self._post("/url", url=url)

    @property
    def url(self) -> str:
        """Address of the page."""
        return str(self._http.get(f"{self._path}/url").json()["value"])

    def run(self, script: str) -> Any:
        """Return what `script` returns; works with the page's own scripts off too."""
        return self._post("/execute/sync", script=script, args=[])

    def find(self, css: str) -> str:
        """Return the id of the first element that matches."""
        found = self._post("/element", using="css selector", value=css)
        return str(found[_ELEMENT])

    def type(self, css: str, text: str) -> None:
        """Type into an element."""
        self._post(f"/element/{self.find(css)}/value", text=text)

    def click(self, css: str) -> None:
        """Press an element; the page it leads to may still be on its way."""
        found = self.find(css)
        into_view = "arguments[0].scrollIntoView({block: 'center'})"
        self._post("/execute/sync", script=into_view, args=[{_ELEMENT: found}])
        self._post(f"/element/{found}/click")

    def command(self, name: str, **parameters: Any) -> None:
        """Send a command of the browser's own protocol."""
        self._post("/goog/cdp/execute", cmd=name, params=parameters)

    def resize(self, width: int, height: int) -> None:
        """Give the page a size, whatever a window may be."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)

    def prefer(self, scheme: str) -> None:
        """Ask for `light` or `dark` pages."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.command("Emulation.setEmulatedMedia", features=[feature])

    def scripts(self, *, allowed: bool) -> None:
        """Let pages run scripts, or not."""
        self.command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def wait(self, script: str) -> None:
        """Wait until `script` returns something true."""
        until = time.monotonic() + _PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < until, f"never true: {script}"
            time.sleep(0.05)

    def wait_for(self, text: str) -> None:
        """Wait until the page shows `text`."""
        self.wait(f"return document.body?.innerText.includes({json.dumps(text)})")

    def complaints(self) -> list[str]:
        """Return what the console said since the last call: errors, and what the policy refused."""
        entries = self._post("/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]

    def shot(self, path: Path) -> None:
        """Write a picture of what is in view."""
        value = self._http.get(f"{self._path}/screenshot").json()["value"]
        path.write_bytes(base64.b64decode(value))


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile in `folder`; end it with the block."""
    assert BROWSER is not None
    assert DRIVER is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--user-data-dir={folder}",
    ]
    wanted = {
        "goog:chromeOptions": {"binary": BROWSER, "args": arguments},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    driver = subprocess.Popen(
        [DRIVER, f"--port={port}", "--log-level=SEVERE"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as http:
            _wait_for(http)
            reply = http.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            session = reply.json()["value"]["sessionId"]
            # A page may still be on its way when something on it is looked for.
            patience_ms = round(_PATIENCE_S * 1000)
            http.post(f"/session/{session}/timeouts", json={"implicit": patience_ms})
            yield Browser(http, session)
            http.delete(f"/session/{session}")
    finally:
        driver.terminate()
        driver.wait(timeout=10)


def _wait_for(http: httpx2.Client) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if http.get("/status").json()["value"]["ready"]:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < until, "the browser's driver did not start"
        time.sleep(0.05)

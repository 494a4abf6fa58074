"""What happened in a run, in order: the same for the same seed, letter by letter."""

import sys
from collections.abc import Callable, MutableMapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import structlog

_LEFT_OUT = frozenset({"event", "level", "timestamp", "exc_info"})

Listener = Callable[[str, dict[str, Any]], None]
"""Told of each event of the product's log and of its fields."""


class Chronicle:
    """Lines of `seconds source words`, from the product, the wire and the weather.

    Attributes:
        lines: All of them so far.
        listeners: Whoever wants to hear of the product's events as they come.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Stamp lines with `now_s`."""
        self._now_s = now_s
        self.lines: list[str] = []
        self.listeners: list[Listener] = []
        self._is_closed = False

    def close(self) -> None:
        """Write nothing more and tell nobody."""
        self._is_closed = True
        self.listeners.clear()

    def note(self, source: str, words: str) -> None:
        """Add a line."""
        if not self._is_closed:
            self.lines.append(f"{self._now_s():.6f} {source} {words}")

    def digest(self) -> str:
        """Return a hash of all lines."""
        return sha256("\n".join(self.lines).encode()).hexdigest()

    @contextmanager
    def listening(self) -> Any:
        """Write down what the product logs, instead of printing it."""
        before = structlog.get_config()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._take],
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.configure(**before)

    def _take(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> Any:
        fields = {name: value for name, value in event.items() if name not in _LEFT_OUT}
        if event.get("exc_info"):
            fields["error"] = _error_of(event["exc_info"])
        told = " ".join(f"{name}={value}" for name, value in sorted(fields.items()))
        self.note("log", f"{event['event']} {told}")
        for listener in self.listeners:
            listener(str(event["event"]), fields)
        raise structlog.DropEvent


def _error_of(told: object) -> str:
    error = told if isinstance(told, BaseException) else sys.exc_info()[1]
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"

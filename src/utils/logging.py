"""One JSON line an event on one stream, whoever logs, with secrets taken out last of all.

Modules write `log = structlog.get_logger()` and log a constant snake_case event with fields.
Libraries log through the standard library and end up in the same place.
"""

import logging
import re
import sys
from json import dumps
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from src.utils.clock import Clock
from src.utils.redaction import redact_mapping, redact_text

_FOREIGN = ("alembic", "asyncio", "httpcore2", "httpx2", "pgqueuer", "sqlalchemy", "uvicorn")
_CHATTY = ("httpcore2", "httpx2", "sqlalchemy")  # they would log every request and statement
_SILENT = ("uvicorn.access",)  # prints query strings; the request line of our own does not

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes finished lines; a record that cannot be rendered is named, never printed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - name of the base
        """Say that a line was lost; the default would print its raw arguments."""
        kind = getattr(sys.exc_info()[0], "__name__", "unknown")
        lost = {"error": kind, "event": "log_line_lost", "level": "error", "logger": record.name}
        try:
            self.stream.write(dumps(lost) + self.terminator)
        except (OSError, ValueError):
            return  # the stream itself is gone


def configure_logging(*, level: str, stream: TextIO, clock: Clock, json: bool = True) -> None:
    """Send everything that is logged in this process to `stream`; may be called again.

    Args:
        level: Least level shown: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        stream: Where lines go, standard output in production.
        clock: Gives each line its UTC time, so that simulated runs log alike.
        json: One JSON object a line; false gives lines for people at a terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _stamp(clock),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = LineHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                redact,
                *_renderers(json=json),
            ],
        )
    )
    _install(handler, level)


def redact(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """Hide secrets by name and pattern; stands after exceptions are text, just before rendering."""
    event = event_dict.pop("event", "")
    shown: EventDict = redact_mapping(event_dict)
    shown["event"] = redact_text(event if isinstance(event, str) else repr(event))
    return shown


def _renderers(*, json: bool) -> list[Processor]:
    if json:
        return [structlog.processors.JSONRenderer(sort_keys=True)]
    return [
        _tame_controls,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _tame_controls(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
    """Show control characters as escapes: a title may not move a terminal's cursor."""
    tamed: EventDict = {}
    for key, value in event_dict.items():
        text = value if isinstance(value, str) else repr(value)
        text = _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)
        tamed[key] = text if key in {"exception", "stack"} else text.replace("\n", "\\n")
    return tamed


def _stamp(clock: Clock) -> Processor:
    def stamp(logger: WrappedLogger, method: str, event_dict: EventDict) -> EventDict:
        event_dict["timestamp"] = clock.now().isoformat(timespec="milliseconds")
        return event_dict

    return stamp


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in list(root.handlers):
        if type(old) is logging.StreamHandler or isinstance(old, LineHandler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    known = [name for name in logging.root.manager.loggerDict if name.startswith(_FOREIGN)]
    for name in {*known, *_FOREIGN, *_SILENT}:
        foreign = logging.getLogger(name)
        foreign.handlers.clear()
        foreign.propagate = name not in _SILENT
        foreign.setLevel(logging.NOTSET)  # whatever a server in this process asked for before
        foreign.disabled = name in _SILENT
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)

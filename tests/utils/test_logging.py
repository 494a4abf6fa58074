"""Whoever logs, one clean line comes out, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from src.utils.logging import LineHandler, configure_logging
from tests.utils.stepped_clock import SteppedClock

SECRET = "pl4nted-S3cret_value"
NASTY = "Folge 1\r\n\x1b[2J\x00\u2028{'event': 'forged'}"


class Sink(io.StringIO):
    """Standard output of a test."""

    def lines(self) -> list[dict[str, object]]:
        """Everything written, parsed; fails when a line is not one JSON object."""
        text = self.getvalue()
        parsed = [json.loads(line) for line in text.splitlines()]
        assert text.count("\n") == len(parsed)
        return parsed


@pytest.fixture
def untouched() -> Iterator[None]:
    """Logging as it was before the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    access = logging.getLogger("uvicorn.access")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    access.disabled, access.propagate = False, True
    for name in ("httpcore2", "httpx2", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def sink(untouched: None) -> Sink:
    """Logging configured as in production, into memory."""
    stream = Sink()
    configure_logging(level="INFO", stream=stream, clock=SteppedClock())
    return stream


def call_back() -> None:
    """Raise with a secret in an address."""
    raise LookupError(f"GET /cb?code={SECRET}")


def fail() -> None:
    """Raise with a secret in the message, and one in its cause."""
    try:
        call_back()
    except LookupError as cause:
        raise ValueError(f"refresh_token: {SECRET}") from cause


def test_line_holds_event_fields_context_level_and_injected_time(sink: Sink) -> None:
    """What a reader needs, and time from the clock of the run."""
    structlog.contextvars.bind_contextvars(request_id="abcdefgh")
    structlog.get_logger("src.spotify.sync").info("show_page_stored", user_id=7, shows=50)

    assert [
        {
            "event": "show_page_stored",
            "level": "info",
            "logger": "src.spotify.sync",
            "request_id": "abcdefgh",
            "shows": 50,
            "timestamp": "2026-11-01T00:00:00.000+00:00",
            "user_id": 7,
        }
    ] == sink.lines()
    parsed = datetime.fromisoformat(str(sink.lines()[0]["timestamp"]))
    assert datetime(2026, 11, 1, tzinfo=UTC) == parsed


def test_lines_below_the_level_are_dropped(sink: Sink) -> None:
    """INFO hides DEBUG, of ours and of libraries."""
    structlog.get_logger().debug("noise")
    logging.getLogger("alembic").debug("noise")

    assert [] == sink.lines()


def test_planted_secret_comes_out_of_no_door_of_ours(sink: Sink) -> None:
    """Fields, nested fields, context, the event itself, positional arguments, objects."""
    log = structlog.get_logger()
    structlog.contextvars.bind_contextvars(authorization=SECRET)
    log.info("field", access_token=SECRET, cookie=SECRET, dsn=SECRET)
    log.info("nested", reply={"items": [{"refresh_token": SECRET}], "raw": f"code={SECRET}"})
    log.info("headers", headers=[("authorization", f"Bearer {SECRET}")])
    log.info("bytes", body=f"code_verifier={SECRET}".encode())
    log.info("object", error=ValueError(f"token={SECRET}"))
    log.info(f"sentence with token={SECRET}")  # noqa: G004 - the mistake under test
    log.info("positional %s", f"Bearer {SECRET}")
    log.bind(password=SECRET).warning("bound")

    assert SECRET not in sink.getvalue()
    assert 8 == len(sink.lines())
    assert all("[hidden]" in str(line) for line in sink.lines())


def test_planted_secret_comes_out_of_no_exception(sink: Sink) -> None:
    """Messages of errors, of their causes, and source lines that tracebacks print."""
    log = structlog.get_logger()
    try:
        fail()
    except ValueError:
        log.exception("sync_failed")
        log.info("with_stack", stack_info=True)
        logging.getLogger("pgqueuer").exception("job failed")

    assert SECRET not in sink.getvalue()
    ours, stack, foreign = sink.lines()
    for line in (ours, foreign):
        assert "ValueError: refresh_token: [hidden]" in str(line["exception"])
        assert "LookupError: GET /cb?code=[hidden]" in str(line["exception"])
    assert "Stack (most recent call last)" in str(stack["stack"])


def test_planted_secret_comes_out_of_no_library(sink: Sink) -> None:
    """The standard library's messages, %-arguments, extra fields and mapping arguments."""
    for name in ("uvicorn.error", "alembic.runtime", "pgqueuer", "sqlalchemy.pool", "anything"):
        logger = logging.getLogger(name)
        logger.warning(f"connect postgresql://playhead:{SECRET}@db/playhead")  # noqa: G004 - as above
        logger.warning("got %s and %r", f"Bearer {SECRET}", {"access_token": SECRET})
        logger.warning("%(token)s", {"token": f"token={SECRET}"})
        logger.warning("extra", extra={"token": SECRET})

    assert SECRET not in sink.getvalue()
    assert 20 == len(sink.lines())
    assert {"warning"} == {line["level"] for line in sink.lines()}


def test_line_that_cannot_be_rendered_is_named_and_not_printed(
    sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong %-arguments neither raise nor spill onto standard error."""
    root = logging.getLogger()
    root.handlers[:] = [each for each in root.handlers if isinstance(each, LineHandler)]

    logging.getLogger("pgqueuer").warning("count %d", f"token={SECRET}")

    assert ("", "") == capsys.readouterr()
    assert [
        {"error": "TypeError", "event": "log_line_lost", "level": "error", "logger": "pgqueuer"}
    ] == sink.lines()


def test_closed_stream_does_not_stop_the_work(sink: Sink) -> None:
    """A reader that went away is no reason to fail a job."""
    sink.close()

    structlog.get_logger().info("still_working")

    assert sink.closed


def test_title_with_control_characters_stays_one_line(sink: Sink) -> None:
    """CR, LF, ESC, NUL and line separators of a foreign title forge no line."""
    structlog.get_logger().info("episode_seen", title=NASTY)
    logging.getLogger("pgqueuer").info("episode %s", NASTY)
    structlog.get_logger().info("broken", title="\ud800")

    assert NASTY == sink.lines()[0]["title"]
    assert f"episode {NASTY}" == sink.lines()[1]["event"]
    assert not {"\x1b", "\r", "\x00", "\u2028"} & set(sink.getvalue())


def test_access_log_is_off_and_library_handlers_are_gone(untouched: None) -> None:
    """Uvicorn's own handlers would print beside ours, and its access log query strings."""
    own = logging.StreamHandler(io.StringIO())
    for name in ("uvicorn", "uvicorn.access"):
        logging.getLogger(name).addHandler(own)
    stream = Sink()
    configure_logging(level="DEBUG", stream=stream, clock=SteppedClock())
    logging.getLogger("uvicorn.access").warning("GET /oauth/callback?code=1")
    logging.getLogger("httpx2").info("HTTP Request: GET /")
    logging.getLogger("uvicorn.error").info("started")

    assert ["started"] == [line["event"] for line in stream.lines()]
    assert "" == own.stream.getvalue()


def test_configuring_again_replaces_the_stream(sink: Sink) -> None:
    """No line is written twice after a reload."""
    second = Sink()
    configure_logging(level="INFO", stream=second, clock=SteppedClock())
    structlog.get_logger().info("once")

    assert [] == sink.lines()
    assert 1 == len(second.lines())
    ours = [each for each in logging.getLogger().handlers if isinstance(each, LineHandler)]
    assert 1 == len(ours)


def test_terminal_lines_are_for_people_and_as_clean(untouched: None) -> None:
    """Without JSON: tracebacks keep their lines, foreign text cannot move the cursor."""
    stream = Sink()
    configure_logging(level="INFO", stream=stream, clock=SteppedClock(), json=False)
    log = structlog.get_logger()
    log.info("episode_seen", title=NASTY, token=SECRET, list=[NASTY])
    try:
        fail()
    except ValueError:
        log.exception("sync_failed")

    text = stream.getvalue()
    assert SECRET not in text
    assert "\\x1b[2J" in text.splitlines()[0]
    assert not {"\x1b", "\r", "\x00", "\u2028"} & set(text)
    assert "ValueError: refresh_token: [hidden]" in text.splitlines()


def test_a_level_set_by_an_earlier_server_is_forgotten(untouched: None) -> None:
    """A server that was told to be quiet leaves its logger so; the next set-up speaks again."""
    logger = logging.getLogger("uvicorn.error")
    logger.setLevel(logging.CRITICAL)
    stream = Sink()

    configure_logging(level="INFO", stream=stream, clock=SteppedClock())
    logger.info("started")

    assert ["started"] == [line["event"] for line in stream.lines()]

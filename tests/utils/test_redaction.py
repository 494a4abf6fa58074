"""Secrets are recognised by the name before them or by their own shape."""

import enum
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.utils.redaction import HIDDEN, is_secret_key, redact_mapping, redact_text, redact_value

SECRET = "pl4nted-S3cret_value"
FERNET = "gAAAAABn" + "q8_-" * 30 + "=="
OWN = "ph_" + "aB3-" * 10 + "xyz123456"
SPOTIFY = "BQ" + "dE_9" * 30


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"sent bearer  {SECRET} to it",
        f"Basic {SECRET}==",
        f"?access_token=Bearer%20{SECRET}",
        f"Cookie: theme=dark; session={SECRET}",
        f"set-cookie: session={SECRET}; Path=/",
        f"GET /oauth/callback?code={SECRET}&state=1 HTTP/1.1",
        f"GET /oauth/callback?x=1&state={SECRET} HTTP/1.1",
        f"code%3D{SECRET}%26",
        f"token: {SECRET}",
        f"refresh_token = {SECRET}",
        f"{{'access_token': '{SECRET}', 'n': 1}}",
        f'{{"client_secret":"{SECRET}"}}',
        f'"{{\\"refresh_token\\": \\"{SECRET}\\"}}"',
        f'{{"accessToken":"{SECRET}"}}',
        f"{{'password': 'two words {SECRET}'}}",
        f"{{'password': 'a\\'quote {SECRET}'}}",
        f"('authorization', 'Negotiate {SECRET}')",
        f"[(b'cookie', b'session={SECRET}')]",
        f"('token', '{SECRET}')",
        f"b'grant_type=x&code_verifier={SECRET}'",
        f"Settings(dsn='{SECRET}')",
        f"sealed=b'{SECRET}'",
        f"postgresql+psycopg://playhead:{SECRET}@localhost/playhead",
        f"postgresql://playhead:a@b{SECRET}@localhost/playhead",
        f"redis://:{SECRET}@localhost:6379/0",
        f"https://{SECRET}@git.example/x",
    ],
)
def test_named_secret_is_hidden_in_text(text: str) -> None:
    """Headers, queries, forms, JSON, nested JSON, Python and addresses alike."""
    shown = redact_text(text)

    assert SECRET not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize("secret", [FERNET, OWN, SPOTIFY])
@pytest.mark.parametrize("frame", ["{}", "got {} there", "'{}'", "/x/{}/y", "({})"])
def test_secret_is_known_by_its_shape(secret: str, frame: str) -> None:
    """A token without a name is hidden wherever it stands."""
    shown = redact_text(frame.format(secret))

    assert frame.format(HIDDEN) == shown


@pytest.mark.parametrize(
    "text",
    [
        "show_page_stored",
        "status_code=404 sqlstate: 23505",
        "tokens spent: 3, keyboard=1, unicode: yes",
        "graph_of_all_listening_sessions_by_week",
        "see https://open.spotify.com/show/4rOoJ6Egrf8K2IrywzwOMk?si=a@b",
        "KeyError: 'show'",
        "Kapitel 3: \u00dcber Geheimnisse \u2013 Passw\u00f6rter & Co.",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Hiding what is no secret makes logs useless."""
    assert text == redact_text(text)


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "access_token",
        "accessToken",
        "X-CSRF-Token",
        "code",
        "code_verifier",
        "verifier",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "Set-Cookie",
        "password",
        "new_password",
        "secret",
        "client_secret",
        "state",
        "key",
        "api_key",
        "secret_key",
        "sealed",
        "dsn",
        "passphrase",
    ],
)
def test_secret_names_are_known_in_every_spelling(key: str) -> None:
    """The value does not matter, the name decides."""
    assert is_secret_key(key)
    assert {key: HIDDEN} == redact_mapping({key: "x"})
    assert {key: HIDDEN} == redact_mapping({key: {"nested": 1}})


@pytest.mark.parametrize(
    "key", ["user_id", "shows", "status_code", "error_code", "keyset", "tokens"]
)
def test_ordinary_names_are_shown(key: str) -> None:
    """Counts and identifiers are what logs are for."""
    assert {key: 7} == redact_mapping({key: 7})


def test_nested_data_is_searched() -> None:
    """Lists in mappings in tuples, and pairs as headers come."""
    shown = redact_value(
        {
            "headers": [("authorization", SECRET), ("accept", "text/html")],
            "raw": [(b"cookie", SECRET.encode())],
            "pages": ({"items": [{"refresh_token": SECRET, "id": 3}]},),
            "set": {f"token={SECRET}"},
            f"token={SECRET}": 1,
            9: "nine",
        }
    )

    assert {
        "headers": [["authorization", HIDDEN], ["accept", "text/html"]],
        "raw": [["cookie", HIDDEN]],
        "pages": [{"items": [{"refresh_token": HIDDEN, "id": 3}]}],
        "set": [f"token={HIDDEN}"],
        f"token={HIDDEN}": 1,
        "9": "nine",
    } == shown


class Mood(enum.StrEnum):
    """A closed set."""

    CALM = "calm"


class Broken:
    """Its repr fails."""

    def __repr__(self) -> str:
        raise LookupError(SECRET)


class Talkative:
    """Its repr tells a secret."""

    def __repr__(self) -> str:
        return f"Talkative(password={SECRET!r})"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        pytest.param(10**5000, "[unprintable int]", id="huge"),
        (Mood.CALM, "calm"),
        (b"token=x", f"token={HIDDEN}"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01 00:00:00+00:00"),
        (Path("/data/playhead.db"), "/data/playhead.db"),
        (ValueError(f"token={SECRET}"), f"ValueError('token={HIDDEN}')"),
        (Broken(), "[unprintable Broken]"),
        (Talkative(), f"Talkative(password='{HIDDEN}')"),
    ],
)
def test_every_kind_of_value_becomes_plain_data(value: object, shown: object) -> None:
    """Nothing reaches the renderer that JSON could not write."""
    assert shown == redact_value(value)


def test_missing_secret_is_told() -> None:
    """That a token is absent helps, and gives nothing away."""
    assert {"token": None, "password": False} == redact_mapping({"token": None, "password": False})


def test_data_that_contains_itself_ends() -> None:
    """A cycle is cut at a depth."""
    cycle: list[object] = []
    cycle.append(cycle)

    assert "[deep]" in str(redact_value(cycle))


def test_long_text_is_cut() -> None:
    """A whole page in an exception does not become a log line."""
    assert len(redact_text("a" * 10**6)) < 51_000


@given(st.text(alphabet="token=:'\"\\ b[hidden]Cookie,&?code%3DBearer", max_size=60))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """A line that was cleaned stays readable when it is logged again."""
    once = redact_text(text)

    assert once == redact_text(once)


UNITS = ["bearer ", "token:", "token   ", "://", "://a:", "a@", "://a@", "ph_", "gAAAA", "AQ-", "'"]
QUOTES = ["\\", '"', 'key="', "cookie", "cookie:", 'token\\\\\\"', 'token="\\', " ", "token ' ,"]


@pytest.mark.parametrize("unit", [*UNITS, *QUOTES])
def test_worst_cases_take_time_in_proportion_to_length(unit: str) -> None:
    """A foreign text of any size cannot stop the loop: no pattern is quadratic."""
    text = unit * (50_000 // len(unit))
    times = []
    for part in (text[: len(text) // 4], text):
        runs = []
        for _ in range(3):
            before = time.process_time()
            redact_text(part)
            runs.append(time.process_time() - before)
        times.append(min(runs))

    assert times[1] < 10 * times[0] + 0.005  # quadratic would be 16

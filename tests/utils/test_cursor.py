"""A cursor works for its user and query, and nothing else works at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.utils.cursor import CursorInvalid, CursorKey

KEY = CursorKey(b"k" * 32)
QUERY = "history:certainty=heard&sort=-at"
PAYLOAD: list[str | int] = ["2026-11-01T07:00:00Z", 41]


@given(
    payload=st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8), max_size=5),
    user_id=st.integers(1, 2**63 - 1),
    query=st.text(),
)
def test_payload_comes_back(payload: list[str | int], user_id: int, query: str) -> None:
    """For every payload, user and query."""
    text = KEY.encode(payload, user_id=user_id, query=query)

    assert payload == KEY.decode(text, user_id=user_id, query=query)
    assert len(text) <= 512
    assert text.replace("-", "").replace("_", "").isalnum()


def test_one_bit_off_anywhere_is_refused() -> None:
    """Signature and payload are covered to the last bit."""
    signed = base64.urlsafe_b64decode(KEY.encode(PAYLOAD, user_id=1, query=QUERY) + "==")

    for bit in range(8 * len(signed)):
        changed = bytearray(signed)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(CursorInvalid):
            KEY.decode(text, user_id=1, query=QUERY)


@pytest.mark.parametrize("payload", [[1], [12], [123]])
def test_every_other_character_anywhere_is_refused(payload: list[str | int]) -> None:
    """Also where base64 would ignore the last bits."""
    text = KEY.encode(payload, user_id=1, query=QUERY)

    for place in range(len(text)):
        for other in "ABCDwxyz0189-_+/=. \n\u00e9\ud800":
            if other != text[place]:
                with pytest.raises(CursorInvalid):
                    KEY.decode(text[:place] + other + text[place + 1 :], user_id=1, query=QUERY)


@pytest.mark.parametrize(
    ("user_id", "query", "secret"),
    [
        (2, QUERY, b"k" * 32),
        (-1, QUERY, b"k" * 32),
        (1, QUERY + " ", b"k" * 32),
        (1, "", b"k" * 32),
        (1, QUERY, b"j" * 32),
    ],
)
def test_other_user_query_or_key_is_refused(user_id: int, query: str, secret: bytes) -> None:
    """Replayed under another account or another sort, it is worth nothing."""
    text = KEY.encode(PAYLOAD, user_id=1, query=QUERY)

    with pytest.raises(CursorInvalid) as refused:
        CursorKey(secret).decode(text, user_id=user_id, query=query)

    assert (400, "cursor_invalid") == (refused.value.status, refused.value.code)
    assert text not in str(refused.value)


@given(st.text(max_size=600) | st.binary(max_size=400).map(lambda b: base64.b64encode(b).decode()))
def test_anything_else_is_refused(text: str) -> None:
    """No input makes another error."""
    with pytest.raises(CursorInvalid):
        KEY.decode(text, user_id=1, query=QUERY)


def test_oversized_cursor_is_refused_before_it_is_read() -> None:
    """A megabyte in an address costs nothing."""
    with pytest.raises(CursorInvalid):
        KEY.decode("A" * 10**6, user_id=1, query=QUERY)


def test_payload_that_does_not_fit_is_our_own_mistake() -> None:
    """A cursor that could not come back is not handed out."""
    with pytest.raises(ValueError, match="too long"):
        KEY.encode(["x" * 500], user_id=1, query=QUERY)


def test_weak_secret_is_refused_and_no_secret_is_shown() -> None:
    """Neither short keys nor keys in logs."""
    with pytest.raises(ValueError, match="16 bytes"):
        CursorKey(b"short")

    assert "kkkk" not in repr(KEY)

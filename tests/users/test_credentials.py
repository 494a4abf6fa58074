"""Tokens: their shape, their checksum, and how they are kept."""

from hypothesis import given
from hypothesis import strategies as st

from src.users.credentials import fingerprint, is_well_formed, new_bearer, new_secret
from src.utils.entropy import SeededEntropy


@given(st.integers())
def test_bearer_has_its_shape(seed: int) -> None:
    """`ph_`, 43 characters, 6 of checksum, all fit for an address or a header."""
    bearer = new_bearer(SeededEntropy(seed))

    assert (52, "ph_") == (len(bearer), bearer[:3])
    assert bearer.replace("-", "").replace("_", "").isalnum()
    assert is_well_formed(bearer)


@given(st.integers(), st.integers(3, 51), st.sampled_from("abcXYZ019-_ é"))
def test_one_wrong_character_is_noticed(seed: int, place: int, wrong: str) -> None:
    """A typing error is refused without asking the database."""
    bearer = new_bearer(SeededEntropy(seed))
    mistyped = bearer[:place] + wrong + bearer[place + 1 :]

    assert (mistyped == bearer) is is_well_formed(mistyped)


@given(st.text())
def test_other_text_is_no_token(text: str) -> None:
    """Whatever comes in the header is judged without an error."""
    assert not is_well_formed(text)
    assert 64 == len(fingerprint(text))


def test_secret_has_256_bits_and_is_kept_as_a_hash() -> None:
    """43 characters of base64 hold 32 bytes; the hash does not contain them."""
    secret = new_secret(SeededEntropy(1))

    assert 43 == len(secret)
    assert secret not in fingerprint(secret)
    assert fingerprint(secret) != fingerprint(new_secret(SeededEntropy(2)))

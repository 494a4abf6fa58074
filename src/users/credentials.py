"""Secrets that stand for a person: session tokens, bearer tokens and codes.

All hold 256 random bits, are shown once, and are kept as their SHA-256: that is
enough for what cannot be guessed, and lets a row be found by its hash.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from src.utils.entropy import Entropy

BEARER_PREFIX = "ph_"
_RANDOM_BYTES = 32
_BODY_LENGTH = 43
_CHECKSUM_LENGTH = 6


def new_secret(entropy: Entropy) -> str:
    """Return 256 random bits as 43 characters of URL-safe base64."""
    return _base64(entropy.token_bytes(_RANDOM_BYTES))


def fingerprint(secret: str) -> str:
    """Return the SHA-256 by which `secret` is kept, 64 hexadecimal digits."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_bearer(entropy: Entropy) -> str:
    """Return a bearer token: `ph_`, 43 random characters, 6 of checksum."""
    body = new_secret(entropy)
    return f"{BEARER_PREFIX}{body}{_checksum(body)}"


def is_well_formed(bearer: str) -> bool:
    """Tell whether `bearer` can be a token of ours, so that typing errors cost no query."""
    body = bearer[len(BEARER_PREFIX) : -_CHECKSUM_LENGTH]
    return (
        bearer.isascii()
        and bearer.startswith(BEARER_PREFIX)
        and len(body) == _BODY_LENGTH
        and bearer.endswith(_checksum(body))
    )


def _checksum(body: str) -> str:
    return _base64(sha256(body.encode()).digest())[:_CHECKSUM_LENGTH]


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

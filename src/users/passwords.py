"""Passwords: which are taken, and how they are hashed without stopping the service."""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from src.users.errors import Busy, PasswordRefused

T = TypeVar("T")

SHORTEST, LONGEST = 10, 256
_QUEUE = 20
_FEWEST_CHARACTERS = 4
_OWN_WORDS = ("playhead", "spotify", "podcast")
_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
)


@cache
def common_passwords() -> frozenset[str]:
    """Return the well-known passwords of ten characters and more, in lower case.

    The list is small and written by hand: it stops the first guesses. The rules
    below stop the patterns, and the throttle stops long lists.
    """
    text = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def demand_good_password(password: str, *, name: str) -> None:
    """Check a password that somebody wants to have.

    Any character is welcome and no mixture is demanded.

    Args:
        password: As typed.
        name: The user's name, which may not be most of the password.

    Raises:
        PasswordRefused: It is too short, too long, or among the first to be guessed.
    """
    if len(password) < SHORTEST:
        raise PasswordRefused(f"A password needs at least {SHORTEST} characters. Make it longer.")
    if len(password) > LONGEST:
        raise PasswordRefused(f"A password has at most {LONGEST} characters. Make it shorter.")
    folded = password.casefold()
    if folded in common_passwords() or _is_pattern(folded):
        raise PasswordRefused(
            "This password is among the first that are guessed. Four unrelated words make a "
            "good one."
        )
    if any(_is_mostly(folded, word) for word in (*_OWN_WORDS, name.casefold())):
        raise PasswordRefused(
            "This password is made of a name that anybody could guess. Four unrelated words "
            "make a good one."
        )


def _is_pattern(folded: str) -> bool:
    """Tell whether it repeats a little or runs along the keyboard, alphabet or numbers."""
    if len(set(folded)) < _FEWEST_CHARACTERS:
        return True
    doubled = (folded + folded).find(folded, 1)
    if doubled <= min(len(folded) // 2, SHORTEST - 1):
        return True  # one short piece, repeated
    return any(folded in run or folded in run[::-1] for run in _RUNS)


def _is_mostly(folded: str, word: str) -> bool:
    """Tell whether fewer than six characters are left when `word` is taken out."""
    rest = folded.replace(word, "") if len(word) > 2 else folded  # noqa: PLR2004 - "al" is in many
    return rest != folded and len(rest) < 6  # noqa: PLR2004 - "playhead2026" has four


class Passwords:
    """Hashes and checks passwords in threads, a few at a time.

    Argon2id takes 64 MB and a good part of a second on purpose; whoever comes
    when twenty are waiting is asked to come back.
    """

    def __init__(self, *, threads: int, hasher: PasswordHash | None = None) -> None:
        """Work on `threads` at once.

        Args:
            threads: 1 to 16.
            hasher: The function and its cost; by default Argon2id at pwdlib's own.
        """
        self._hasher = hasher or PasswordHash((Argon2Hasher(),))
        self._free = asyncio.Semaphore(threads)
        self._places = threads + _QUEUE
        self._taken = 0
        self._nobody: str | None = None
        self.verified = 0
        """How many hashes were compared, those of unknown names included."""

    async def hash(self, password: str) -> str:
        """Return the hash to keep.

        Raises:
            Busy: Too many are waiting.
        """
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Compare; without a kept hash as much work is done and the answer is no.

        Raises:
            Busy: Too many are waiting.
        """
        if self._nobody is None:  # made at the first check of all, so that it betrays no name
            self._nobody = await self.hash("nobody has this password")
        usable = kept if kept is not None and Argon2Hasher.identify(kept) else None
        compared_with = usable or self._nobody
        self.verified += 1
        matches = await self._in_turn(lambda: self._hasher.verify(password, compared_with))
        return matches and usable is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._taken >= self._places:
            raise Busy
        self._taken += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._taken -= 1

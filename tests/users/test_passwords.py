"""Which passwords are taken, and how hashing keeps its place."""

import asyncio
import threading

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from src.users.errors import Busy, PasswordRefused
from src.users.passwords import Passwords, common_passwords, demand_good_password
from tests.users.clients import quick_passwords


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "ninechars",
        "x" * 257,
        "Password123",
        "correcthorsebatterystaple",
        "qwertyuiop",
        "lkjhgfdsapo",
        "0123456789",
        "9876543210",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "abababababab",
        "lantern1lantern1",
        "1qaz2wsx3edc4rfv",
        "playhead2026",
        "Spotify!Spotify",
        "grace.hopper",
        "grace.hopper1906",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    """Too short, too long, well known, a pattern, or made of the user's or product's name."""
    with pytest.raises(PasswordRefused):
        demand_good_password(password, name="grace.hopper")


@pytest.mark.parametrize(
    "password",
    [
        "lantern harbour violet tin",
        "x" * 4 + "abcd" * 2 + "zq",
        "пароль-который-никто-не-знает",
        "🎧🎙️📻🔊 morning walk",
        "grace.hopper found the moth",
        "          ten spaces first",
        "w7%Rk2!pQz",
        "lantern harbour " * 16,
    ],
)
def test_any_character_is_welcome(password: str) -> None:
    """There are no rules of composition, and up to 256 characters."""
    demand_good_password(password, name="grace.hopper")


def test_short_name_does_not_spoil_a_password() -> None:
    """A name of two letters is in many words."""
    demand_good_password("all al in alabama", name="al")


def test_the_list_holds_only_what_the_length_lets_through() -> None:
    """Shorter entries could never match; case is folded before looking."""
    assert 500 < len(common_passwords())
    assert all(10 <= len(entry) and entry == entry.casefold() for entry in common_passwords())


async def test_hash_is_argon2id_and_differs_each_time() -> None:
    """The salt is drawn anew."""
    passwords = quick_passwords()

    first, second = await passwords.hash("lantern"), await passwords.hash("lantern")

    assert first.startswith("$argon2id$")
    assert first != second
    assert await passwords.verify("lantern", first)
    assert not await passwords.verify("Lantern", first)


async def test_the_default_cost_is_not_cheap() -> None:
    """Production hashes take 64 MiB and three rounds."""
    assert "m=65536,t=3" in await Passwords(threads=1).hash("lantern")


@pytest.mark.parametrize("kept", [None, "-", ""])
async def test_nobody_is_compared_and_never_matches(kept: str | None) -> None:
    """An unknown user costs one comparison, and not even the stand-in's password opens."""
    passwords = quick_passwords()

    assert not await passwords.verify("nobody has this password", kept)
    assert 1 == passwords.verified


class Gate(Argon2Hasher):
    """A hasher that waits until the test lets it go on."""

    def __init__(self) -> None:
        """Count who is inside."""
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._counting = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Hash, once the gate is open."""
        with self._counting:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.opened.wait(10)
        with self._counting:
            self.inside -= 1
        return super().hash(password, salt=salt)


async def test_queue_is_bounded_and_work_is_done_a_few_at_a_time() -> None:
    """Two work, twenty wait, and the next is asked to come back in two seconds."""
    gate = Gate()
    passwords = Passwords(threads=2, hasher=PasswordHash((gate,)))
    admitted = [asyncio.create_task(passwords.hash("lantern")) for _ in range(22)]
    await asyncio.sleep(0)

    with pytest.raises(Busy) as refused:
        await passwords.hash("lantern")
    for _ in range(2):
        await asyncio.to_thread(gate.entered.acquire)
    gate.opened.set()
    hashes = await asyncio.gather(*admitted)

    assert 2 == refused.value.retry_after_s
    assert 22 == len(set(hashes))
    assert 2 == gate.most
    assert await passwords.hash("there is room again")

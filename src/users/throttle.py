"""Slows down the guessing of passwords, without letting a stranger lock anybody out.

Three leaky counters of failed sign-ins, each raised *before* the password is
looked at, so that many guesses at once cannot slip past:

- account and network together block: five are free, then 2, 4, 8 ... seconds up
  to a quarter of an hour;
- a network alone blocks after fifty an hour;
- an account alone never blocks, since that would shut out its user: past twenty
  an hour each further attempt waits one to four seconds, unless it comes from a
  browser that its user has signed in with before.

New accounts are counted by network too, fifty an hour.

Keys are HMACs, so that the table holds no names and no addresses.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from math import exp2

from src.database import Session
from src.runtime import Runtime
from src.users import queries
from src.users.errors import Throttled
from src.users.models import LoginThrottle

_FREE = 5
_LONGEST_BLOCK_S = 900.0
_PAIR_LEAK_S = 900.0
_PAIR_CEILING = 15.0
_NETWORK_PER_HOUR = 50
_ACCOUNT_PER_HOUR = 20
_HOUR_S = 3600.0
_SLOWEST_S = 4.0


def network_of(address: str) -> str:
    """Return the network guesses are counted for: /24, or /64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    length = 24 if parsed.version == 4 else 64  # noqa: PLR2004 - the version of IP
    return str(ip_network(f"{parsed}/{length}", strict=False))


@dataclass(frozen=True, slots=True)
class Caller:
    """Where an attempt comes from, and whether its browser is one the user signed in with."""

    address: str
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in: the keys of its counters."""

    pair: str
    network: str
    account: str


class Throttle:
    """The counters of one installation, shared by all its processes."""

    def __init__(self, runtime: Runtime) -> None:
        """Count in the runtime's database and by its clock."""
        self._runtime = runtime
        self._secret = runtime.vault.derive("throttle")

    async def admit(self, *, name: str, caller: Caller) -> Attempt:
        """Count an attempt before its password is looked at; may wait up to four seconds.

        Args:
            name: Canonical user name, known or not.
            caller: Where the attempt comes from.

        Raises:
            Throttled: Too many have failed; this one was not counted.
        """
        network = network_of(caller.address)
        attempt = Attempt(
            pair=self._key("pair", name, network),
            network=self._key("network", network),
            account=self._key("account", name),
        )
        async with self._runtime.database.shared(write=True) as session:
            delay_s = await self._count(session, attempt)
        if delay_s and not caller.is_known:
            await self._runtime.clock.sleep(delay_s)
        return attempt

    async def admit_newcomer(self, *, address: str) -> None:
        """Count a new account, made or not, before its password is hashed.

        Raises:
            Throttled: Fifty within the hour came from this network; this one was not counted.
        """
        key = self._key("newcomers", network_of(address))
        async with self._runtime.database.shared(write=True) as session:
            found = await queries.counter(session, key=key, now=self._runtime.clock.now())
            wait_s = self._excess_s(found, _NETWORK_PER_HOUR)
            if wait_s > 0:
                raise Throttled(retry_after_s=wait_s)
            self._raise(found, leak_s=_HOUR_S / _NETWORK_PER_HOUR, ceiling=_NETWORK_PER_HOUR)

    async def forgive(self, attempt: Attempt) -> None:
        """Take back what `admit` counted: the password was right."""
        async with self._runtime.database.shared(write=True) as session:
            await queries.clear_counter(session, key=attempt.pair)
            await queries.lower_counter(session, key=attempt.network)
            await queries.lower_counter(session, key=attempt.account)

    async def _count(self, session: Session, attempt: Attempt) -> float:
        """Raise all three counters, or none; returns the seconds to wait."""
        now = self._runtime.clock.now()
        pair = await queries.counter(session, key=attempt.pair, now=now)
        network = await queries.counter(session, key=attempt.network, now=now)
        account = await queries.counter(session, key=attempt.account, now=now)
        since_s = (now - pair.updated_at).total_seconds()
        block_s = _block_s(pair.level)
        blocked_s = block_s - since_s
        crowded_s = self._excess_s(network, _NETWORK_PER_HOUR)
        if max(blocked_s, crowded_s) > 0:
            raise Throttled(retry_after_s=max(blocked_s, crowded_s))
        self._raise(pair, leak_s=_PAIR_LEAK_S, ceiling=_PAIR_CEILING, rest_s=block_s)
        self._raise(network, leak_s=_HOUR_S / _NETWORK_PER_HOUR, ceiling=_NETWORK_PER_HOUR)
        self._raise(account, leak_s=_HOUR_S / _ACCOUNT_PER_HOUR, ceiling=2 * _ACCOUNT_PER_HOUR)
        await session.flush()
        excess = account.level - _ACCOUNT_PER_HOUR
        return min(1 + excess / 5, _SLOWEST_S) if excess > 0 else 0

    def _raise(
        self, counter: LoginThrottle, *, leak_s: float, ceiling: float, rest_s: float = 0
    ) -> None:
        counter.level = min(self._level(counter, leak_s=leak_s, rest_s=rest_s) + 1, ceiling)
        counter.updated_at = self._runtime.clock.now()

    def _level(self, counter: LoginThrottle, *, leak_s: float, rest_s: float = 0) -> float:
        """What is left of a counter that after `rest_s` loses one every `leak_s` seconds."""
        passed_s = (self._runtime.clock.now() - counter.updated_at).total_seconds()
        return max(0.0, counter.level - max(0.0, passed_s - rest_s) / leak_s)

    def _excess_s(self, counter: LoginThrottle, per_hour: int) -> float:
        """Seconds until one more fits under `per_hour`; 0 or less when it fits now."""
        leak_s = _HOUR_S / per_hour
        return (self._level(counter, leak_s=leak_s) + 1 - per_hour) * leak_s

    def _key(self, *parts: str) -> str:
        text = "\0".join(parts)
        return hmac.new(self._secret, text.encode("utf-8"), sha256).hexdigest()


def _block_s(failures: float) -> float:
    """How long a pair waits after its last counted failure, in seconds."""
    if failures < _FREE:
        return 0.0
    return min(exp2(failures - _FREE + 1), _LONGEST_BLOCK_S)

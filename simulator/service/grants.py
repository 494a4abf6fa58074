"""Consents and the codes and tokens that follow from them."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.service.draws import opaque

CODE_LIFETIME = timedelta(minutes=10)
ACCESS_LIFETIME_S = 3600
GRANT_MONTHS = 6
_KEPT_ACCESS_TOKENS = 20_000


@dataclass(slots=True)
class Grant:
    """One consent of one listener to one app.

    Attributes:
        id: `g1`, `g2` and so on, in order of consent.
        client_id: The app.
        listener: Who consented.
        scopes: What was granted.
        consented_at: World time of the consent, from which it ages.
        refresh_token: The one that works now.
        spent: Refresh tokens that rotation replaced.
        revoked_at: When it was withdrawn, or None.
    """

    id: str
    client_id: str
    listener: int
    scopes: frozenset[str]
    consented_at: datetime
    refresh_token: str
    spent: set[str] = field(default_factory=set)
    revoked_at: datetime | None = None

    @property
    def dies_at(self) -> datetime:
        """Six calendar months after the consent; refreshing does not move it."""
        return months_later(self.consented_at, GRANT_MONTHS)

    def alive(self, at: datetime) -> bool:
        """True while the grant can be refreshed."""
        return self.revoked_at is None and at < self.dies_at


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token and the moment it stops working."""

    grant: Grant
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """A single-use authorisation code and what it was bound to."""

    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: datetime


class Grants:
    """All consents of a simulator; lives in memory and nowhere else."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._issued = 0
        self.all: list[Grant] = []
        self._codes: dict[str, Code] = {}
        self._refresh: dict[str, Grant] = {}
        self._access: dict[str, AccessToken] = {}

    def consent(
        self,
        *,
        client_id: str,
        listener: int,
        scopes: frozenset[str],
        redirect_uri: str,
        challenge: str,
        at: datetime,
    ) -> str:
        """Note a consent and return the authorisation code for it."""
        grant = Grant(
            id=f"g{len(self.all) + 1}",
            client_id=client_id,
            listener=listener,
            scopes=scopes,
            consented_at=at,
            refresh_token=self._token("AQA", 128),
        )
        self.all.append(grant)
        code = self._token("AQB", 180)
        self._codes[code] = Code(grant, redirect_uri, challenge, at + CODE_LIFETIME)
        return code

    def code(self, code: str) -> Code | None:
        """Return what a code stands for, used or not at all; it stays valid."""
        return self._codes.get(code)

    def redeem(self, code: str, *, at: datetime) -> str:
        """Use up a code; return an access token. The refresh token now works."""
        grant = self._codes.pop(code).grant
        self._refresh[grant.refresh_token] = grant
        return self.access(grant, at=at)

    def access(self, grant: Grant, *, at: datetime) -> str:
        """Issue an access token for `ACCESS_LIFETIME_S` seconds of world time."""
        token = self._token("BQ", 150)
        self._access[token] = AccessToken(grant, at + timedelta(seconds=ACCESS_LIFETIME_S))
        if len(self._access) > _KEPT_ACCESS_TOKENS:
            del self._access[next(iter(self._access))]
        return token

    def by_refresh_token(self, token: str) -> Grant | None:
        """Return the grant a refresh token belongs to, dead or alive."""
        return self._refresh.get(token)

    def by_access_token(self, token: str) -> AccessToken | None:
        """Return an access token, expired or not."""
        return self._access.get(token)

    def rotate(self, grant: Grant) -> str:
        """Replace a grant's refresh token; the old one is spent."""
        grant.spent.add(grant.refresh_token)
        grant.refresh_token = self._token("AQA", 128)
        self._refresh[grant.refresh_token] = grant
        return grant.refresh_token

    def revoke(self, listener: int, *, at: datetime) -> int:
        """Withdraw every live grant of a listener; return how many."""
        hit = [g for g in self.all if g.listener == listener and g.revoked_at is None]
        for grant in hit:
            grant.revoked_at = at
        return len(hit)

    def _token(self, prefix: str, length: int) -> str:
        self._issued += 1
        return opaque(prefix, length, self._seed, "token", self._issued)


def months_later(at: datetime, months: int) -> datetime:
    """Return the same day and time `months` later, or the month's last day."""
    month = at.month - 1 + months
    year, month = at.year + month // 12, month % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))

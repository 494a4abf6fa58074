"""What people and the weather do in a run, in order of time, whatever becomes of the product."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
from pydantic import SecretStr

from src.errors import PlayheadError
from src.spotify import connecting
from src.spotify.errors import NotConnected, ReconnectNeeded
from src.spotify.scheduling import request_run
from src.utils.types import UserId
from tests.factories import add_user
from tests.sim.plan import DAY_S, LASTING, Fault, Kind
from tests.sim.stage import Life, Stage
from tests.sim.wire import Exchange

CALM_S = 18_000.0
"""Seconds after the last fault within which everybody is synced: an interval, and an hour more."""

_NO_BROWSER = 0
_PAGES_OPEN = 3
_TRY_AGAIN_S = 600.0
_BETWEEN_PEOPLE_S = 7.0


class _Deed(StrEnum):
    """What people do."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    ASK = "ask"
    CROWD = "crowd"


def _deeds(fault: Fault) -> tuple[_Deed | None, _Deed | None]:
    """Return what somebody does when a fault begins and when it ends."""
    return {
        Kind.REVOKE: (None, _Deed.CONNECT),
        Kind.ROTATION: (None, _Deed.CONNECT),  # an answer that is lost takes the token along
        Kind.CROWD: (_Deed.CROWD, None),
        Kind.DISCONNECT: (_Deed.DISCONNECT, _Deed.CONNECT),
        Kind.ASK: (_Deed.ASK, _Deed.ASK),
    }.get(fault.kind, (None, None))


class Script:
    """Actions by virtual second; those that a killed process was about to do are done by the next.

    Attributes:
        last_fault_s: When the last fault of an instant is over.
        ends_s: When the run ends.
        user_ids: User of each listener who is connected.
        taken_over: Last requests of runs that lost their claim.
        disconnected_s: When a listener's connection was last undone.
        connected_s: When it was last made.
    """

    def __init__(self, stage: Stage) -> None:
        """Plan everything."""
        self._stage = stage
        plan = stage.plan
        instants = [fault for fault in plan.faults if fault.kind in LASTING]
        self.last_fault_s = max([plan.days * DAY_S, *(fault.ends_s for fault in instants)])
        back_s = -sum(min(0.0, fault.value) for fault in instants if fault.kind is Kind.CLOCK)
        self.ends_s = self.last_fault_s + back_s + CALM_S
        self.user_ids: dict[int, UserId] = {}
        self.taken_over: list[Exchange] = []
        self.disconnected_s: dict[int, float] = {}
        self.connected_s: dict[int, float] = {}
        self._people = [
            (listener * _BETWEEN_PEOPLE_S, listener, _Deed.CONNECT)
            for listener in range(plan.users)
        ]
        for fault in instants:
            for at_s, deed in zip((fault.at_s or 0.0, fault.ends_s), _deeds(fault), strict=True):
                if deed is not None:
                    self._people.append((at_s, fault.listener or 0, deed))
        changes = [(fault.at_s or 0.0, partial(self._begin, fault)) for fault in instants]
        changes += [(fault.ends_s, partial(stage.weather.end, fault)) for fault in instants]
        self._changes = sorted(changes, key=lambda change: change[0])

    def event(self, event: str, fields: dict[str, Any]) -> None:
        """Note which answers came too late for their run."""
        if event == "spotify_disconnected":
            self.disconnected_s[self.listener_of(fields)] = self._stage.now_s()
        if event == "spotify_connected":
            self.connected_s[self.listener_of(fields)] = self._stage.now_s()
        if event == "run_taken_over":
            self.taken_over += self._stage.told.get(self.listener_of(fields), [])[-2:]

    def listener_of(self, fields: dict[str, Any]) -> int:
        """Return the listener whose user an event is about."""
        return next(one for one, user in self.user_ids.items() if user == fields["user_id"])

    async def go_on(self, life: Life) -> None:
        """Do what is left to do, and wait for the end."""
        people = [asyncio.create_task(self._do(life, *one)) for one in self._people]
        while self._changes:
            at_s, change = self._changes[0]
            await self._until(at_s)
            self._changes.pop(0)
            change()
        await self._until(self.ends_s)
        for person in people:
            person.cancel()

    async def _until(self, at_s: float) -> None:
        wait_s = at_s - self._stage.now_s()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def _begin(self, fault: Fault) -> None:
        self._stage.chronicle.note("weather", f"{fault.kind} {fault.listener} {fault.value}")
        self._stage.weather.begin(fault)

    async def _do(self, life: Life, at_s: float, listener: int, deed: _Deed) -> None:
        """Do what a person does, and again until it succeeds."""
        await self._until(at_s)
        doing = {
            _Deed.CONNECT: self._sign_in,
            _Deed.DISCONNECT: self._disconnect,
            _Deed.ASK: self._ask,
            _Deed.CROWD: self._crowd,
        }[deed]
        while True:
            try:
                await doing(life, listener)
            except Exception as error:  # noqa: BLE001 - a person sees a page and tries again
                told = type(error).__name__
                self._stage.chronicle.note("person", f"{listener} cannot {deed}: {told}")
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                self._people.remove((at_s, listener, deed))
                return

    async def _ask(self, life: Life, listener: int) -> None:
        user_id = self.user_ids.get(listener)
        if user_id is None:
            return
        with suppress(NotConnected, ReconnectNeeded):
            async with life.runtime.database.transaction(user_id) as session:
                await request_run(life.runtime, session, user_id=user_id)
            life.spotify.bell.ring()

    async def _crowd(self, life: Life, listener: int) -> None:
        """Need the person's token in several places at once, as open pages would."""
        user_id = self.user_ids.get(listener)
        if user_id is None:
            return
        tokens = life.spotify.oauth.tokens
        wanted = [tokens.access_token(user_id) for _ in range(_PAGES_OPEN)]
        for told in await asyncio.gather(*wanted, return_exceptions=True):
            if isinstance(told, BaseException) and not isinstance(told, PlayheadError):
                raise told

    async def _disconnect(self, life: Life, listener: int) -> None:
        user_id = self.user_ids.get(listener)
        if user_id is not None:
            await connecting.disconnect(life.spotify, user_id=user_id)

    async def _registered(self, life: Life, listener: int) -> UserId:
        """Return the listener's account, which may be there since just before a crash."""
        name = f"listener-{listener}"
        address = f"file:{life.file}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            found = connection.execute("select id from users where name = ?", [name]).fetchone()
        user_id = UserId(found[0]) if found else await add_user(life.runtime, name)
        self.user_ids[listener] = user_id
        return user_id

    async def _sign_in(self, life: Life, listener: int) -> None:
        user_id = self.user_ids.get(listener) or await self._registered(life, listener)
        begun = await connecting.begin(life.spotify, user_id=user_id, session_id=None)
        address = urlsplit(begun.url)
        pressed = dict(parse_qsl(address.query)) | {"decision": "allow", "listener": str(listener)}
        async with httpx2.AsyncClient(transport=life.wire) as browser:
            answer = await browser.post(address._replace(query="").geturl(), data=pressed)
        back = parse_qs(urlsplit(answer.headers["location"]).query)
        await connecting.finish(
            life.spotify,
            code=SecretStr(back["code"][0]),
            state=back["state"][0],
            user_id=user_id,
            session_id=_NO_BROWSER,
            confirmed=True,
        )

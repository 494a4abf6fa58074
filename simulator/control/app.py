"""Switches for tests and people: an ASGI app of its own, never told to clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulator.control.bodies import read
from simulator.control.listeners import ListenerControls
from simulator.control.loopback import LoopbackOnly
from simulator.faults.board import Fault, Kind
from simulator.service.state import AutoConsent, State
from simulator.settings import Bucket, Mode
from simulator.truth.app import refused
from simulator.world.types import UnknownThing

Answer = Callable[[Request], Awaitable[dict[str, object]]]


class Controls:
    """Answers below `/_control/`, beside those about one listener."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def clock(self, request: Request) -> dict[str, object]:
        """Tell the clock; a POST freezes, steps or accelerates it, in that order."""
        clock = self._state.clock
        if request.method == "POST":
            body = await read(request, freeze=bool, step_s=(int, float), rate=(int, float))
            freeze, step_s, rate = (body.get(name) for name in ("freeze", "step_s", "rate"))
            if isinstance(freeze, bool):
                clock.freeze(freeze)
            if isinstance(step_s, (int, float)):
                clock.step(step_s)
            if isinstance(rate, (int, float)):
                clock.run_at(rate)
        return {
            "now": clock.now().isoformat(),
            "wire_s": clock.wire_s(),
            "frozen": clock.frozen,
            "rate": clock.rate,
        }

    async def faults(self, request: Request) -> dict[str, object]:
        """List the faults; POST switches one on, DELETE switches some off.

        DELETE takes `id` or `kind` as query parameter; without one, all end.
        """
        board = self._state.faults
        if request.method == "POST":
            return board.add(await _fault(request)).as_json()
        if request.method == "DELETE":
            return {"removed": self._switch_off(request)}
        return {"faults": [one.as_json() for one in board.listed()], "kinds": list(Kind)}

    async def mode(self, request: Request) -> dict[str, object]:
        """Set `mode` to `development` or `extended`."""
        body = await read(request, mode=str)
        try:
            self._state.mode = Mode(str(body.get("mode")))
        except ValueError as error:
            raise HTTPException(422, f"mode must be one of {', '.join(Mode)}") from error
        return {"mode": self._state.mode}

    async def auto_consent(self, request: Request) -> dict[str, object]:
        """Let `listener` consent (or refuse, `allow` false) by itself; null ends it."""
        body = await read(request, listener=(int, type(None)), allow=bool)
        listener = body.get("listener")
        if "listener" not in body:
            raise HTTPException(422, "listener is missing; null ends it")
        if isinstance(listener, int):
            self._state.world.listener(listener)
            allow = body.get("allow") is not False
            self._state.auto_consent = AutoConsent(listener=listener, allow=allow)
        else:
            self._state.auto_consent = None
        return {"listener": listener, "allow": body.get("allow") is not False}

    async def withdraw_show(self, request: Request) -> dict[str, object]:
        """Take a show off the service, now."""
        show_id = request.path_params["id"]
        index = self._state.world.show_by_id(show_id)
        if index is None:
            raise HTTPException(404, f"no show {show_id}")
        self._state.world.withdraw_show(index, self._state.clock.now())
        return {"withdrawn": show_id}

    async def withdraw_episode(self, request: Request) -> dict[str, object]:
        """Take an episode off the service, now."""
        episode_id = request.path_params["id"]
        key = self._state.world.episode_by_id(episode_id)
        if key is None:
            raise HTTPException(404, f"no episode {episode_id}")
        self._state.world.withdraw_episode(*key, self._state.clock.now())
        return {"withdrawn": episode_id}

    async def snapshot(self, request: Request) -> dict[str, object]:
        """Tell what is switched on and how far everything is."""
        state = self._state
        now = state.clock.now()
        developers = {app.developer for app in state.settings.apps}
        return {
            "clock": await self.clock(request),
            "seed": state.settings.seed,
            "mode": state.mode,
            "listeners": state.settings.listeners,
            "faults": [one.as_json() for one in state.faults.listed()],
            "lapsed": sorted(state.lapsed),
            "requests": len(state.requests),
            "grants": dict(Counter("alive" if g.alive(now) else "dead" for g in state.grants.all)),
            "quota": {
                developer: {b.value: state.quota.used(developer, b, now) for b in Bucket}
                for developer in sorted(developers)
            },
        }

    def _switch_off(self, request: Request) -> int:
        fault_id, kind = request.query_params.get("id"), request.query_params.get("kind")
        board = self._state.faults
        if fault_id is not None:
            if not board.remove(fault_id):
                raise HTTPException(404, f"no fault {fault_id} is on")
            return 1
        return board.clear(None if kind is None else _kind(kind))


def control_app(state: State) -> Starlette:
    """Return the ASGI app with every switch of `state`."""
    controls, listeners = Controls(state), ListenerControls(state)
    both, posted = ["GET", "POST"], ["POST"]
    one = "/_control/listeners/{listener}"
    table: list[tuple[str, Answer, list[str]]] = [
        ("/_control/clock", controls.clock, both),
        ("/_control/faults", controls.faults, [*both, "DELETE"]),
        ("/_control/mode", controls.mode, posted),
        ("/_control/auto-consent", controls.auto_consent, posted),
        ("/_control/snapshot", controls.snapshot, ["GET"]),
        ("/_control/shows/{id}/withdraw", controls.withdraw_show, posted),
        ("/_control/episodes/{id}/withdraw", controls.withdraw_episode, posted),
        (f"{one}/save", listeners.save, posted),
        (f"{one}/remove", listeners.remove, posted),
        (f"{one}/save-episode", listeners.save_episode, posted),
        (f"{one}/remove-episode", listeners.remove_episode, posted),
        (f"{one}/play", listeners.play, posted),
        (f"{one}/revoke", listeners.revoke, posted),
        (f"{one}/lapse", listeners.lapse, posted),
    ]
    return Starlette(
        routes=[Route(path, _endpoint(answer), methods=ways) for path, answer, ways in table],
        middleware=[Middleware(LoopbackOnly)],
        exception_handlers={HTTPException: refused},
    )


def _endpoint(answer: Answer) -> Callable[[Request], Awaitable[JSONResponse]]:
    """Turn what the world and the clock refuse into 404 and 422."""

    async def endpoint(request: Request) -> JSONResponse:
        try:
            return JSONResponse(await answer(request))
        except UnknownThing as error:
            raise HTTPException(404, str(error)) from error
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    return endpoint


async def _fault(request: Request) -> Fault:
    number, none = (int, float), type(None)
    body = await read(
        request,
        kind=str,
        path=(str, none),
        listener=(int, none),
        rate=number,
        after=int,
        times=(int, none),
        value=(*number, none),
    )
    kind = _kind(str(body.pop("kind", "")))
    return Fault(kind, **body)  # type: ignore[arg-type]  # read() checked every type


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError as error:
        raise HTTPException(422, f"kind must be one of {', '.join(Kind)}") from error

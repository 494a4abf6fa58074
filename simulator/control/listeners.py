"""Switches that concern one listener."""

from __future__ import annotations

from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request

from simulator.control.bodies import read
from simulator.service.state import State


class ListenerControls:
    """Answers below `/_control/listeners/{listener}/`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def save(self, request: Request) -> dict[str, object]:
        """Save the show of the identifier `show`, now."""
        listener, show, now = await self._show(request)
        self._state.world.save_show(listener, show, now)
        return {"listener": listener, "saved": len(self._state.world.saved_shows(listener, now))}

    async def remove(self, request: Request) -> dict[str, object]:
        """Remove the show of the identifier `show` from the library, now."""
        listener, show, now = await self._show(request)
        self._state.world.remove_show(listener, show, now)
        return {"listener": listener, "saved": len(self._state.world.saved_shows(listener, now))}

    async def save_episode(self, request: Request) -> dict[str, object]:
        """Save the episode of the identifier `episode`, now."""
        body = await read(request, episode=str)
        listener, now = self._listener(request), self._state.clock.now()
        self._state.world.save_episode(listener, *self._episode(body), now)
        return {"listener": listener, "episode": body["episode"]}

    async def remove_episode(self, request: Request) -> dict[str, object]:
        """Remove the saved episode of the identifier `episode`, now."""
        body = await read(request, episode=str)
        listener, now = self._listener(request), self._state.clock.now()
        self._state.world.remove_episode(listener, *self._episode(body), now)
        return {"listener": listener, "episode": body["episode"]}

    async def play(self, request: Request) -> dict[str, object]:
        """Begin to hear `episode` from `from_ms` (0) to `to_ms` (its end), now."""
        body = await read(request, episode=str, from_ms=int, to_ms=int)
        listener, now = self._listener(request), self._state.clock.now()
        show, number = self._episode(body)
        length_ms = self._state.world.episode(show, number).duration_ms
        from_ms, to_ms = body.get("from_ms", 0), body.get("to_ms", length_ms)
        if not isinstance(from_ms, int) or not isinstance(to_ms, int):
            raise HTTPException(422, "from_ms and to_ms must be whole numbers")
        self._state.world.add_play(listener, show, number, at=now, from_ms=from_ms, to_ms=to_ms)
        return {"listener": listener, "episode": body["episode"], "started_at": now.isoformat()}

    async def revoke(self, request: Request) -> dict[str, object]:
        """Withdraw every grant of the listener, now."""
        await read(request)
        listener = self._listener(request)
        revoked = self._state.grants.revoke(listener, at=self._state.clock.now())
        return {"listener": listener, "revoked": revoked}

    async def lapse(self, request: Request) -> dict[str, object]:
        """Answer the listener as if Premium had lapsed; `lapsed` false ends it."""
        body = await read(request, lapsed=bool)
        listener = self._listener(request)
        lapsed = body.get("lapsed") is not False
        if lapsed:
            self._state.lapsed.add(listener)
        else:
            self._state.lapsed.discard(listener)
        return {"listener": listener, "lapsed": lapsed}

    def _listener(self, request: Request) -> int:
        text = request.path_params["listener"]
        if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
            raise HTTPException(400, "a listener is named by its index")
        return self._state.world.listener(int(text)).index

    async def _show(self, request: Request) -> tuple[int, int, datetime]:
        body = await read(request, show=str)
        listener = self._listener(request)
        if "show" not in body:
            raise HTTPException(422, "show is missing")
        show = self._state.world.show_by_id(str(body["show"]))
        if show is None:
            raise HTTPException(404, f"no show {body['show']}")
        return listener, show, self._state.clock.now()

    def _episode(self, body: dict[str, object]) -> tuple[int, int]:
        if "episode" not in body:
            raise HTTPException(422, "episode is missing")
        key = self._state.world.episode_by_id(str(body["episode"]))
        if key is None:
            raise HTTPException(404, f"no episode {body['episode']}")
        return key

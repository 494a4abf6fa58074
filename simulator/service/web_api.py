"""The Web API behind the log and the faults: access, limits, then the handler."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b

from simulator.faults.board import Kind
from simulator.service.access import check_access, check_scopes
from simulator.service.call import Call, Refused
from simulator.service.limits import quota_exceeded, window_full
from simulator.service.reply import Reply, api_error
from simulator.service.routes import Routes
from simulator.service.state import State
from simulator.settings import App, Bucket

PREFIX = "/v1"
PLANNED_QUOTA_WAIT_S = 48_925
PLANNED_WINDOW_WAIT_S = 2


class WebApi:
    """Answers everything below `/v1`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._routes = Routes(state)

    def answer(self, call: Call) -> Reply:
        """Answer one call.

        Raises:
            Refused: Token, app, limits, scopes or parameters do not allow it.
        """
        found = self._routes.find(call.path.removeprefix(PREFIX))
        call.record.endpoint = found[0].endpoint if found else ""
        check_access(self._state, call)
        app = self._app(call)
        self._check_window(call, app)
        if found is None:
            raise Refused(api_error(404, "Service not found"))
        route, identifier = found
        if call.method != "GET":
            raise Refused(api_error(405, "Method not allowed"))
        self._check_quota(call, app, route.bucket)
        if route.removed and not self._state.extended:
            raise Refused(api_error(403, "Forbidden"))
        check_scopes(call, route.scopes)
        return self._tagged(call, route.answer(call, identifier))

    def _app(self, call: Call) -> App:
        app = self._state.app(call.token.grant.client_id) if call.token else None
        if app is None:
            raise Refused(api_error(401, "Invalid access token"))
        return app

    def _check_window(self, call: Call, app: App) -> None:
        window = self._state.window
        fault = self._state.fault(Kind.WINDOW, call)
        if fault is not None:
            wait_s = PLANNED_WINDOW_WAIT_S if fault.value is None else fault.value
            refused: int | None = window.close(app.client_id, call.wire_s, wait_s=wait_s)
        else:
            refused = window.refuse(app.client_id, call.wire_s)
        if refused is not None:
            in_plain_text = self._state.settings.quirks.plain_window or bool(
                self._state.fault(Kind.PLAIN_WINDOW, call)
            )
            raise Refused(window_full(refused, in_plain_text=in_plain_text))

    def _check_quota(self, call: Call, app: App, bucket: Bucket) -> None:
        quota = self._state.quota
        fault = self._state.fault(Kind.QUOTA, call)
        if fault is not None:
            wait_s = PLANNED_QUOTA_WAIT_S if fault.value is None else fault.value
            until = call.at + timedelta(seconds=wait_s)
            refused: int | None = quota.park(app.developer, bucket, call.at, until=until)
        else:
            refused = quota.refuse(app.developer, bucket, call.at)
        if refused is not None:
            raise Refused(quota_exceeded(refused))

    def _tagged(self, call: Call, reply: Reply) -> Reply:
        """Add an ETag when the fault says so, and honour one that came back."""
        if reply.status != 200 or not self._state.fault(Kind.ETAG, call):  # noqa: PLR2004
            return reply
        etag = f'"{blake2b(reply.body, digest_size=16).hexdigest()}"'
        if call.headers.get("if-none-match") == etag:
            return Reply(304, b"", "", {"etag": etag})
        reply.headers["etag"] = etag
        return reply

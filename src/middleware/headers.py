"""The headers under which every reply goes out."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.config import Settings

_YEAR_S = 31_536_000


class SecurityHeaders:
    """Seals every reply against framing, sniffing, foreign scripts and shared caches."""

    def __init__(self, app: ASGIApp, *, settings: Settings, accounts_url: str) -> None:
        """Let forms lead to this site and to `accounts_url`, and nowhere else."""
        self._app = app
        parts = urlsplit(accounts_url)
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                "connect-src 'self'; form-action 'self' "
                f"{parts.scheme}://{parts.netloc}; base-uri 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        if settings.public_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers that the route did not set itself."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        private = scope["path"].startswith("/api")

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if private:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return await self._app(scope, receive, sealed)

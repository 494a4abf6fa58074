"""The page that asks for a press when a program began a sign-in at Spotify."""

from fastapi import Request, Response

from src.web.rendering import page


def confirmation(request: Request, *, name: str, action: str, code: str, state: str) -> Response:
    """Render it.

    Args:
        request: The browser that came back from Spotify.
        name: Who is signed in to Playhead there.
        action: Where the press leads.
        code: What Spotify sent back, handed on by the press.
        state: What came back with it.
    """
    context = {"name": name, "action": action, "code": code, "state": state}
    return page(request, "confirm.html", context)

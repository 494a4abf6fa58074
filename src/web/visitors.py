"""Who looks at a page: a person signed in by a browser, or nobody."""

from typing import Annotated

from fastapi import Depends, Request

from src.auth import CurrentUser, optional_user, runtime_of
from src.runtime import Runtime
from src.spotify.service import Spotify
from src.users.errors import TokenInvalid
from src.web.formats import Times


async def visitor(request: Request) -> CurrentUser | None:
    """Return the person whose browser asks; a program's token counts for nothing on pages."""
    try:
        user = await optional_user(request)
    except TokenInvalid:
        return None
    return user if user is not None and user.session_id is not None else None


def spotify_of(request: Request) -> Spotify:
    """Return the application's Spotify side."""
    found: Spotify = request.app.state.spotify
    return found


def times_of(request: Request, user: CurrentUser) -> Times:
    """Return what writes instants as `user` reads them."""
    return Times(user.time_zone, runtime_of(request).clock.now())


VisitorDep = Annotated[CurrentUser | None, Depends(visitor)]
RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
SpotifyDep = Annotated[Spotify, Depends(spotify_of)]

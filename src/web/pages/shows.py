"""One show: its episodes, and where its listener stopped in each."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from src.spotify.routes.library import SpotifyId, get_podcast, list_episodes
from src.web.rendering import page
from src.web.visitors import RuntimeDep, VisitorDep, times_of

router = APIRouter(include_in_schema=False)

EPISODES_A_PAGE = 50
_SEE_OTHER = 303


@router.get("/shows/{show_id}")
async def show(
    request: Request, show_id: SpotifyId, user: VisitorDep, runtime: RuntimeDep
) -> Response:
    """Show one podcast of the library with a page of its episodes.

    Raises:
        NotFound: It is not in the person's library.
        CursorInvalid: The place to go on from belongs to another list.
    """
    if user is None:
        return RedirectResponse(f"/?next={quote(f'/shows/{show_id}')}", status_code=_SEE_OTHER)
    async with runtime.database.transaction(user.id, write=False) as session:
        podcast = await get_podcast(session, user, show_id)
        episodes = await list_episodes(
            request,
            session,
            user,
            show_id,
            limit=EPISODES_A_PAGE,
            cursor=request.query_params.get("cursor") or None,
        )
    context = {
        "here": "library",
        "user": user,
        "times": times_of(request, user),
        "show": podcast,
        "episodes": episodes,
    }
    return page(request, "show.html", context)

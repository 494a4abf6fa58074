"""Cover art, where the images of shows point to."""

from __future__ import annotations

from simulator.service.reply import Reply, api_error
from simulator.service.state import State
from simulator.world.artwork import cover

PREFIX, SUFFIX = "/image/", ".svg"


def artwork(state: State, path: str) -> Reply:
    """Answer `/image/{show id}.svg` with the show's cover; 404 for a stranger."""
    world = state.world
    index = world.show_by_id(path.removeprefix(PREFIX).removesuffix(SUFFIX))
    if index is None or not path.endswith(SUFFIX):
        return api_error(404, "Service not found")
    headers = {
        "cache-control": "public, max-age=86400",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }
    picture = cover(world.show(index), seed=state.settings.seed)
    return Reply(200, picture.encode(), "image/svg+xml", headers)

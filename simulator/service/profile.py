"""The listener's own profile."""

from __future__ import annotations

from simulator.service.call import Call
from simulator.service.reply import Reply, ok
from simulator.service.state import State


def profile(state: State, call: Call) -> Reply:
    """Answer `/me`; development mode leaves out what says more of a person."""
    facts = state.world.listener(call.listener)
    told: dict[str, object] = {
        "account_id": facts.account_id,
        "display_name": facts.display_name,
        "external_urls": {"spotify": f"https://open.spotify.com/user/{facts.id}"},
        "href": f"{call.base}/v1/users/{facts.id}",
        "id": facts.id,
        "images": [],
        "type": "user",
        "uri": f"spotify:user:{facts.id}",
    }
    if state.extended:
        told |= {
            "country": "DE",
            "explicit_content": {"filter_enabled": False, "filter_locked": False},
            "followers": {"href": None, "total": 0},
            "product": "premium",
        }
        if call.has_scope("user-read-email"):
            told["email"] = f"{facts.id}@listeners.invalid"
    return ok(told)

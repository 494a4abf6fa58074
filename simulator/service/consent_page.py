"""The pages a person sees while connecting an app; no script, no inline style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from simulator.service.reply import HTML, Reply
from simulator.world.types import ListenerFacts

STYLE_PATH = "/authorize.css"
_STYLE = b"""\
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: #f3f1ec; color: #222; }
main { max-width: 30rem; margin: 3rem auto; padding: 1.5rem 2rem; background: #fff;
  border: 1px solid #d8d3c8; border-radius: .75rem; }
.notice { background: #fff3cd; border: 1px solid #e5c76b; border-radius: .5rem;
  padding: .5rem .75rem; }
label { display: block; padding: .25rem 0; }
fieldset { border: 1px solid #d8d3c8; border-radius: .5rem; margin: 1rem 0; }
code { overflow-wrap: anywhere; }
button { font: inherit; padding: .6rem 1.4rem; border-radius: 2rem; border: 1px solid #222;
  background: #fff; cursor: pointer; margin-right: .5rem; }
button.allow { background: #222; color: #fff; }
button:focus-visible, input:focus-visible { outline: 3px solid #3b6fd4; outline-offset: 2px; }
@media (prefers-color-scheme: dark) {
  body { background: #191817; color: #eee; }
  main { background: #252321; border-color: #44403a; }
  .notice { background: #4a3d12; border-color: #8a7428; }
  button { background: #252321; color: #eee; border-color: #eee; }
  button.allow { background: #eee; color: #222; }
}
"""


def style() -> Reply:
    """Answer with the stylesheet of both pages."""
    return Reply(200, _STYLE, "text/css; charset=utf-8", {"x-content-type-options": "nosniff"})


def consent_page(
    parameters: Mapping[str, str],
    *,
    scopes: Sequence[str],
    listeners: Sequence[ListenerFacts],
    target: str,
) -> Reply:
    """Ask who is connecting and whether the app may read.

    Args:
        parameters: The request's own, carried through the form.
        scopes: What the app asks for.
        listeners: Who can be chosen; the first is preselected.
        target: Policy source of the address the app wants to be sent to.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in parameters.items()
    )
    people = "".join(
        f'<label><input type="radio" name="listener" value="{one.index}"'
        f"{' checked' if place == 0 else ''}> {escape(one.display_name)}</label>"
        for place, one in enumerate(listeners)
    )
    wanted = "".join(f"<li><code>{escape(one)}</code></li>" for one in scopes)
    wanted = f"<ul>{wanted}</ul>" if wanted else "<p>Nothing beyond public data.</p>"
    body = (
        "<h1>Connect an app</h1>"
        '<p class="notice" role="note"><strong>This is a simulator.</strong> '
        "No Spotify account is involved; the listeners are invented.</p>"
        f"<p>The app <code>{escape(parameters['client_id'])}</code> asks to read:</p>{wanted}"
        '<form method="post" action="/authorize">'
        f"{hidden}<fieldset><legend>Sign in as</legend>{people}</fieldset>"
        '<button class="allow" name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></form>'
    )
    return _page(200, "Connect an app - simulator", body, form_action=f"'self' {target}")


def refusal_page(message: str) -> Reply:
    """Tell a person why the app may not be sent anywhere."""
    body = (
        '<p class="notice" role="note"><strong>This is a simulator.</strong></p>'
        f"<h1>This app cannot connect</h1><p>{escape(message)}</p>"
    )
    return _page(400, "Cannot connect - simulator", body, form_action="'none'")


def _page(status: int, title: str, body: str, *, form_action: str) -> Reply:
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{STYLE_PATH}"></head>'
        f"<body><main>{body}</main></body></html>"
    )
    headers = {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action {form_action}"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Reply(status, text.encode(), HTML, headers)

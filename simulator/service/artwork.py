"""Cover art drawn from an identifier."""

from __future__ import annotations

from hashlib import blake2b

from simulator.service.reply import Reply

_SIDE = 300


def artwork(name: str) -> Reply:
    """Answer `/image/{name}.svg`: the same picture for the same name."""
    draw = blake2b(name.encode(), digest_size=12).digest()
    hue = draw[0] * 360 // 256
    shapes = "".join(
        f'<circle cx="{draw[i] + 22}" cy="{draw[i + 1] + 22}" r="{30 + draw[i + 2] // 3}" '
        f'fill="hsl({(hue + 40 * i) % 360} 65% 55%)" fill-opacity="0.7"/>'
        for i in (1, 4, 7)
    )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}" '
        f'width="{_SIDE}" height="{_SIDE}">'
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="hsl({hue} 45% 25%)"/>{shapes}</svg>'
    )
    headers = {
        "cache-control": "public, max-age=86400",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }
    return Reply(200, picture.encode(), "image/svg+xml", headers)

"""Covers for shows: small SVG drawings, the same for the same show every time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from simulator.world.chance import Purpose, stream

if TYPE_CHECKING:
    from random import Random

    from simulator.world.types import ShowFacts

SIZE = 300
"""Width and height of a cover in its own units."""

_SHAPES_LEAST, _SHAPES_MORE = 3, 4
_INITIALS = 2


def cover(show: ShowFacts, *, seed: int) -> str:
    """Return a show's cover as an SVG document of about 1 kB.

    Args:
        show: The show; its index and name decide the drawing.
        seed: Seed of the world.
    """
    rng = stream(seed, Purpose.ARTWORK, show.index)
    hue = int(rng.random() * 360)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">',
        f"<title>{escape(show.name)}</title>",
        f'<rect width="{SIZE}" height="{SIZE}" fill="hsl({hue},45%,24%)"/>',
    ]
    parts += [
        _shape(rng, f"hsl({(hue + 35 * place) % 360},60%,{45 + 5 * place}%)")
        for place in range(_SHAPES_LEAST + int(rng.random() * _SHAPES_MORE))
    ]
    parts.append(
        '<text x="24" y="272" font-family="sans-serif" font-size="84" font-weight="700" '
        f'fill="hsl({hue},30%,96%)">{escape(_initials(show.name))}</text></svg>'
    )
    return "".join(parts)


def _shape(rng: Random, colour: str) -> str:
    """Return a disc, a band or a wedge in one colour, half see-through."""
    x, y = int(rng.random() * SIZE), int(rng.random() * SIZE)
    reach = 30 + int(rng.random() * 90)
    return (
        f'<circle cx="{x}" cy="{y}" r="{reach}" fill="{colour}" opacity=".5"/>',
        f'<rect y="{y}" width="{SIZE}" height="{reach // 2}" fill="{colour}" opacity=".5"/>',
        f'<path d="M{x} {y}l{reach} {reach}h-{2 * reach}z" fill="{colour}" opacity=".5"/>',
    )[int(rng.random() * 3)]


def _initials(name: str) -> str:
    """Return the first letters of the last two words that have letters."""
    words = [word for word in name.split() if word[0].isalpha()]
    return "".join(word[0] for word in words[-_INITIALS:])

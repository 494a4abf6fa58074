"""Covers are drawn, valid and the same every time."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

from simulator.world.artwork import cover
from simulator.world.world import World

WORLD = World(7, epoch=datetime(2026, 11, 1, tzinfo=UTC), shows=300)


def test_a_cover_never_changes() -> None:
    """The same show and seed give the same bytes; another show another picture."""
    covers = {cover(WORLD.show(index), seed=7) for index in range(300)}

    assert cover(WORLD.show(3), seed=7) == cover(WORLD.show(3), seed=7)
    assert cover(WORLD.show(3), seed=8) != cover(WORLD.show(3), seed=7)
    assert 300 == len(covers)


def test_a_cover_is_a_small_square_drawing() -> None:
    """Every cover parses as SVG, names its show and stays below 2 kB."""
    for index in range(300):
        drawing = cover(WORLD.show(index), seed=7)
        root = ET.fromstring(drawing)  # noqa: S314 - drawn by ourselves

        assert "{http://www.w3.org/2000/svg}svg" == root.tag
        assert "0 0 300 300" == root.get("viewBox")
        assert WORLD.show(index).name == root[0].text
        assert len(drawing) < 2_000


def test_a_name_cannot_break_the_drawing() -> None:
    """Signs that mean something in XML are escaped."""
    show = replace(WORLD.show(0), name="<b> & Sons")

    root = ET.fromstring(cover(show, seed=7))  # noqa: S314 - as above

    assert "<b> & Sons" == root[0].text

"""Invented names and texts, all from our own word lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.world.chance import one_of
from simulator.world.words import (
    COINED,
    FAMILY_WORDS,
    FORMATS,
    GIVEN_NAMES,
    MODIFIERS,
    NOUNS,
    SENTENCES,
)

if TYPE_CHECKING:
    from random import Random

_GRAMMARS = 4
_SIDE = 80
_NAMES = _GRAMMARS * _SIDE * _SIDE
_STRIDE = 15_461
"""Coprime to `_NAMES`, so that walking by it visits every name once."""


def show_name(index: int, *, offset: int) -> str:
    """Return the title of show `index`; the first 25,600 are all different.

    Args:
        index: Position in the catalogue, from 0.
        offset: Where the walk through the names begins, by seed.
    """
    round_number, within = divmod(index, _NAMES)
    place = (within * _STRIDE + offset) % _NAMES
    grammar, place = place % _GRAMMARS, place // _GRAMMARS
    first, second = divmod(place, _SIDE)
    modifier, noun, coined = MODIFIERS[first], NOUNS[second], COINED[first]
    name = (
        f"{modifier} {noun}".title(),
        f"The {coined} {noun.title()}",
        f"{noun.title()} & {NOUNS[(first + second + 1) % _SIDE].title()}",
        f"{coined} {noun.title()} {FORMATS[(first + second) % len(FORMATS)].title()}",
    )[grammar]
    return f"{name} {round_number + 1}" if round_number else name


def publisher_name(rng: Random) -> str:
    """Return the invented maker of a show."""
    suffix = one_of(rng, ("Audio", "Sound", "Press", "Studio", "Collective", "Broadcasting"))
    return f"{one_of(rng, COINED)} {suffix}"


def person_name(rng: Random) -> str:
    """Return an invented person's name."""
    return f"{one_of(rng, GIVEN_NAMES)} {one_of(rng, FAMILY_WORDS)}"


def episode_name(rng: Random, number: int) -> str:
    """Return the title of an episode; `number` counts from 0."""
    modifier, noun = one_of(rng, MODIFIERS), one_of(rng, NOUNS)
    form = int(rng.random() * 4)
    return (
        f"#{number + 1}: The {modifier} {noun}",
        f"The {modifier} {noun}",
        f"{number + 1}. {noun.capitalize()}, {one_of(rng, NOUNS)} and {one_of(rng, COINED)}",
        f"What the {noun} knew",
    )[form]


def paragraphs(rng: Random, *, least: int, most: int) -> list[str]:
    """Return between `least` and `most` invented paragraphs of two sentences."""
    wanted = least + int(rng.random() * (most - least + 1))
    return [f"{_sentence(rng)} {_sentence(rng)}" for _ in range(wanted)]


def as_html(texts: list[str]) -> str:
    """Return paragraphs as HTML; the words hold nothing that needs escaping."""
    return "".join(f"<p>{text}</p>" for text in texts)


def _sentence(rng: Random) -> str:
    return one_of(rng, SENTENCES).format(
        modifier=one_of(rng, MODIFIERS),
        noun=one_of(rng, NOUNS),
        coined=one_of(rng, COINED),
        other=one_of(rng, COINED),
    )

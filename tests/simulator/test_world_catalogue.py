"""Shows and episodes: identifiers, publishing, texts and names."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.ids import Identifiers, IdKind
from simulator.world.instants import DAY_MS, to_ms
from simulator.world.names import show_name
from simulator.world.publishing import CYCLES, Schedule
from simulator.world.types import Rhythm, UnknownThing
from simulator.world.words import COINED, MODIFIERS, NOUNS
from simulator.world.world import World

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
LARGE = World(11, epoch=EPOCH, shows=2_000)
FEEDS = Path(__file__).parents[3] / "shared" / "feeds"


@given(
    seed=st.integers(0, 2**32), first=st.integers(0, 2**32 - 1), second=st.integers(0, 2**32 - 1)
)
def test_an_identifier_leads_back(seed: int, first: int, second: int) -> None:
    """Any two numbers become 22 letters and digits and come back; another kind is refused."""
    ids = Identifiers(seed)

    text = ids.encode(IdKind.EPISODE, first, second)

    assert re.fullmatch("[0-9A-Za-z]{22}", text)
    assert (first, second) == ids.decode(IdKind.EPISODE, text)
    assert ids.decode(IdKind.SHOW, text) is None


@pytest.mark.parametrize("text", ["", "short", "0" * 22, "Z" * 22, "a" * 23, "é" * 22, "a-" * 11])
def test_a_stranger_is_no_identifier(text: str) -> None:
    """What the world never issued decodes to nothing."""
    assert LARGE.show_by_id(text) is None
    assert LARGE.episode_by_id(text) is None
    assert LARGE.listener_by_id(text) is None


def test_identifiers_of_2000_shows_never_collide() -> None:
    """Every show, and 40 episodes of each, has an identifier of its own that leads back."""
    ids = Identifiers(11)
    shows = {LARGE.show(index).id: index for index in range(2_000)}
    episodes = {
        ids.encode(IdKind.EPISODE, show, number): (show, number)
        for show in range(2_000)
        for number in range(40)
    }

    assert 2_000 + 80_000 == len(shows.keys() | episodes.keys())
    assert all(index == LARGE.show_by_id(text) for text, index in shows.items())


def test_an_episode_is_found_by_its_identifier() -> None:
    """Facts and identifier of an episode agree, whichever way one asks."""
    for show in range(50):
        for number in range(LARGE.episode_count(show, EPOCH)):
            if number % 40 == 0:
                assert (show, number) == LARGE.episode_by_id(LARGE.episode(show, number).id)


@pytest.mark.parametrize("rhythm", Rhythm)
@pytest.mark.parametrize("show", range(4))
def test_the_closed_form_counts_like_counting(rhythm: Rhythm, show: int) -> None:
    """The count at any instant equals the number of publications up to it, and they keep order."""
    schedule = Schedule(seed=5, show=show, start_ms=1_000_000_000, cycle=CYCLES[rhythm], last=150)
    published = [schedule.published_ms(number) for number in range(150)]
    rng = Random(show)
    instants = [at + step for at in published for step in (-1, 0, 1)]
    instants += [published[0] - DAY_MS, published[-1] + 400 * DAY_MS]
    instants += [int(rng.uniform(published[0], published[-1])) for _ in range(300)]

    assert published == sorted(set(published))
    assert [sum(it <= at for it in published) for at in instants] == [
        schedule.count(at) for at in instants
    ]


def test_a_third_of_shows_lists_the_oldest_first() -> None:
    """The order of a show's list is not fixed, and its pages follow it."""
    share = sum(LARGE.show(index).oldest_first for index in range(2_000)) / 2_000
    up = next(i for i in range(99) if LARGE.show(i).oldest_first)
    down = next(i for i in range(99) if not LARGE.show(i).oldest_first)
    count = LARGE.episode_count(down, EPOCH)

    assert 1 / 3 == pytest.approx(share, abs=0.05)
    assert [0, 1, 2] == LARGE.episode_numbers(up, EPOCH, offset=0, limit=3)
    assert [count - 3, count - 4] == LARGE.episode_numbers(down, EPOCH, offset=2, limit=2)
    assert [] == LARGE.episode_numbers(up, EPOCH, offset=9_999, limit=50)


def test_texts_and_dates_have_the_defects_of_real_ones() -> None:
    """Some descriptions are empty, some dates are only a month or a year."""
    facts = [LARGE.episode(show, number) for show in range(1_500) for number in range(2)]
    lengths = {"day": 10, "month": 7, "year": 4}
    vague = sum(it.release_date_precision != "day" for it in facts) / len(facts)
    empty = sum(not it.description for it in facts) / len(facts)

    assert 0.02 == pytest.approx(vague, abs=0.01)
    assert 0.02 == pytest.approx(empty, abs=0.01)
    assert {"day", "month", "year"} == {it.release_date_precision for it in facts}
    assert all(lengths[it.release_date_precision] == len(it.release_date) for it in facts)
    assert all(it.published_at.isoformat().startswith(it.release_date) for it in facts)
    assert all(bool(it.description) == bool(it.html_description) for it in facts)
    assert all(60_000 < it.duration_ms <= 4 * 3_600_000 for it in facts)


def test_rhythms_and_sizes_are_mixed() -> None:
    """All rhythms occur, weekly most often; a few shows are very long, dead ones stand still."""
    rhythms = [LARGE.show(index).rhythm for index in range(2_000)]
    counts = [LARGE.episode_count(index, EPOCH) for index in range(2_000)]
    dead = [index for index in range(2_000) if rhythms[index] is Rhythm.DEAD]

    assert set(Rhythm) == set(rhythms)
    assert 0.38 == pytest.approx(rhythms.count(Rhythm.WEEKLY) / 2_000, abs=0.05)
    assert 200 == pytest.approx(sum(counts) / 2_000, rel=0.15)
    assert 5 <= sum(count > 1_500 for count in counts) <= 60
    assert all(counts[it] == LARGE.episode_count(it, EPOCH + timedelta(days=900)) for it in dead)


def test_names_are_many_and_our_own() -> None:
    """Word lists hold 80 words and more, and 2,000 shows have 2,000 names."""
    names = {LARGE.show(index).name for index in range(2_000)}

    assert min(len(set(words)) for words in (MODIFIERS, NOUNS, COINED)) >= 80
    assert 2_000 == len(names)
    assert 30_000 == len({show_name(index, offset=5) for index in range(30_000)})


@pytest.mark.skipif(not FEEDS.is_dir(), reason="no sample feeds beside the checkout")
def test_no_name_is_that_of_a_real_podcast() -> None:
    """No show or publisher bears the title of a sample feed."""
    texts = [path.read_text(errors="replace") for path in FEEDS.glob("*.xml")]
    real = {
        title.strip().casefold()
        for text in texts
        for title in re.findall(r"<title>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</title>", text, re.DOTALL)
    }
    ours = {LARGE.show(index).name.casefold() for index in range(2_000)}

    assert real
    assert set() == real & ours


def test_strangers_are_named_in_the_error() -> None:
    """An index outside the world raises, and so does an instant without a zone."""
    small = World(1, epoch=EPOCH, shows=3, listeners=1, shows_per_listener=2)

    for ask in (
        lambda: small.show(3),
        lambda: small.show(-1),
        lambda: small.episode_count(3, EPOCH),
        lambda: small.episode(0, -1),
        lambda: small.episode(0, 2**16),
        lambda: small.resume_point(0, 3, 0, EPOCH),
        lambda: small.listener(1),
        lambda: small.saved_shows(-1, EPOCH),
    ):
        with pytest.raises(UnknownThing):
            ask()
    with pytest.raises(ValueError, match="aware"):
        small.episode_count(0, EPOCH.replace(tzinfo=None))


def test_the_last_possible_episode_still_has_a_date() -> None:
    """However slow a show, its dates never run off the calendar."""
    alive = next(i for i in range(99) if LARGE.show(i).rhythm is Rhythm.MONTHLY)

    assert LARGE.episode(alive, 2**16 - 1).published_at.year > 5_000


def test_instants_are_whole_milliseconds() -> None:
    """Microseconds are cut off, so asking twice within one millisecond is asking once."""
    assert 1_500 == to_ms(datetime(1970, 1, 1, 0, 0, 1, 500_999, tzinfo=UTC))

"""Spotify's JSON: what is used, what is passed over, and what never fails a page."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from src.spotify.payloads import (
    EpisodePayload,
    Listing,
    PlayerPayload,
    ProfilePayload,
    SavedEpisodePayload,
    SavedShowPayload,
    ShowPayload,
    read_listing,
)

SAMPLES = Path(
    os.environ.get("PLAYHEAD_SPOTIFY_SAMPLES")
    or Path(__file__).parents[3] / "shared" / "spotify" / "samples"
)
EPISODE: dict[str, Any] = {
    "id": "0x25dVaCtjWMmcjDJyuMM5",
    "name": "One",
    "duration_ms": 1_800_000,
    "release_date": "2026-10-01",
    "resume_point": {"fully_played": False, "resume_position_ms": 60_000},
}
TOMBSTONE: dict[str, Any] = {
    "id": None,
    "uri": None,
    "name": None,
    "duration_ms": None,
    "release_date": "0000",
    "release_date_precision": "year",
    "languages": [None],
    "show": {"id": None, "name": None},
}

needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir() and "CI" not in os.environ,
    reason="the recorded samples are not here; PLAYHEAD_SPOTIFY_SAMPLES names their folder",
)


def sample(name: str) -> Any:
    """Return one recorded answer."""
    return json.loads((SAMPLES / name).read_text())


def episode(**changes: object) -> EpisodePayload:
    """Read an episode that differs from a good one by `changes`."""
    return EpisodePayload.model_validate({**EPISODE, **changes})


@needs_samples
@pytest.mark.parametrize(
    ("name", "read", "expected"),
    [
        ("GetUsersSavedShowsRequest__java.json", SavedShowPayload.model_validate, (3, 0, 3, False)),
        ("saved_shows__joostlek.json", SavedShowPayload.model_validate, (13, 0, 13, False)),
        ("saved_episodes__joostlek.json", SavedEpisodePayload.model_validate, (1, 1, 2, False)),
        ("show_episodes__joostlek.json", EpisodePayload.model_validate, (48, 0, 395, True)),
    ],
)
def test_recorded_lists_are_read(
    name: str, read: Callable[[Any], object], expected: tuple[int, int, int, bool]
) -> None:
    """Real pages lose their dead items and nothing else."""
    page = read_listing(sample(name), read)

    assert expected == (len(page.items), page.quarantined, page.total, page.has_next)


@needs_samples
def test_a_recorded_show_is_read() -> None:
    """It brings its first page of episodes along."""
    show = ShowPayload.model_validate(sample("GetShowRequest__java.json"))

    assert ("7iZEp9f2Gg8JvKNqK3t905", ["de"], "DER SPIEGEL") == (
        show.id,
        show.languages,
        show.publisher,
    )
    assert show.episodes is not None
    assert ["2020-03-30"] == [found.release_date for found in show.episodes.items]


@needs_samples
@pytest.mark.parametrize(
    ("name", "progress_ms"),
    [
        ("playback_episode_1__joostlek.json", 5_410),
        ("GetUsersCurrentlyPlayingTrackRequest_Episode__java.json", 3_636_145),
    ],
)
def test_recorded_players_are_read(name: str, progress_ms: int) -> None:
    """The position is the player's, not the resume point inside the episode."""
    player = PlayerPayload.model_validate(sample(name))

    assert progress_ms == player.progress_ms
    assert player.item is not None
    assert player.item.show is not None


@pytest.mark.parametrize(
    "bad",
    [
        None,
        TOMBSTONE,
        {},
        [],
        "text",
        {**EPISODE, "id": "../../me"},
        {**EPISODE, "id": "x" * 65},
        {**EPISODE, "id": 7},
        {**EPISODE, "name": {"text": "One"}},
        {**EPISODE, "release_date": "0000"},
        {**EPISODE, "release_date": "2026-13-01"},
        {**EPISODE, "release_date": "yesterday"},
        {**EPISODE, "release_date": None},
        {**EPISODE, "duration_ms": -1},
        {**EPISODE, "duration_ms": 10**15},
        {**EPISODE, "duration_ms": 1e400},
        {**EPISODE, "resume_point": {"resume_position_ms": -5}},
        {**EPISODE, "resume_point": []},
    ],
)
def test_a_bad_item_is_counted_and_passed_over(bad: object) -> None:
    """The page goes on around it."""
    page = read_listing({"items": [EPISODE, bad, EPISODE]}, EpisodePayload.model_validate)

    assert (2, 1) == (len(page.items), page.quarantined)


@pytest.mark.parametrize("bad", [None, [], "text", {}, {"items": None}, {"items": {}}])
def test_what_is_no_page_is_refused(bad: object) -> None:
    """Nothing is not the same as an empty page: that would look like a deletion."""
    with pytest.raises(ValueError, match="page"):
        read_listing(bad, EpisodePayload.model_validate)


def test_missing_and_null_fields_are_fine() -> None:
    """Only the id and the date are needed."""
    bare = EpisodePayload.model_validate({"id": "e", "release_date": "2026"})
    nulls = episode(
        name=None,
        description=None,
        duration_ms=None,
        explicit=None,
        is_playable=None,
        languages=None,
        images=None,
        resume_point=None,
        show=None,
    )

    assert ("", "", None, True, None) == (
        bare.name,
        bare.description,
        bare.duration_ms,
        bare.is_playable,
        bare.resume_point,
    )
    assert ("", "", None, False, True) == (
        nulls.name,
        nulls.description,
        nulls.duration_ms,
        nulls.explicit,
        nulls.is_playable,
    )


@pytest.mark.parametrize(
    ("date", "precision"), [("2026", "year"), ("2026-10", "month"), ("2026-10-01", "day")]
)
def test_a_date_is_as_exact_as_it_is_long(date: str, precision: str) -> None:
    """What Spotify says of the precision need not be believed."""
    assert precision == episode(release_date=date, release_date_precision="?").release_precision


def test_texts_are_made_storable() -> None:
    """No database takes NUL, no encoder lone surrogates, and nobody reads a novel as a name."""
    found = episode(name="a\x00b\ud800c" + "x" * 2_000, description="y" * 30_000)

    assert found.name.startswith("abcx")
    assert (1_000, 20_000) == (len(found.name), len(found.description))
    assert found.name.encode()


@pytest.mark.parametrize(
    ("images", "url"),
    [
        (
            [{"url": "https://i.scdn.co/image/1", "height": 640}, {"url": "x"}],
            "https://i.scdn.co/image/1",
        ),
        ([{"url": "javascript:alert(1)"}], None),
        ([{"url": None}], None),
        ([{"url": "https://" + "x" * 3_000}], None),
        ([None, 3], None),
        ("text", None),
    ],
)
def test_an_image_is_an_address_or_nothing(images: object, url: str | None) -> None:
    """The first is the largest; only web addresses pass."""
    assert url == episode(images=images).image_url


def test_a_null_position_is_the_start() -> None:
    """Spotify sends it with episodes it knows nothing of."""
    point = episode(resume_point={"fully_played": True, "resume_position_ms": None}).resume_point

    assert point is not None
    assert (True, 0) == (point.fully_played, point.position_ms)


@pytest.mark.parametrize("count", [-1, 1.5, "12", True, None, 10**12])
def test_a_number_of_episodes_that_is_none_is_not_known(count: object) -> None:
    """It tells whether a list changed, so a guess would mislead."""
    assert ShowPayload.model_validate({"id": "s", "total_episodes": count}).total_episodes is None


@pytest.mark.parametrize(
    "item",
    [{"id": "t", "type": "track", "name": "Song"}, {"type": "ad"}, {"type": "unknown"}, None],
)
def test_the_player_knows_episodes_alone(item: object) -> None:
    """Music and adverts are none of ours."""
    assert PlayerPayload.model_validate({"is_playing": True, "item": item}).item is None


@pytest.mark.parametrize("episodes", [None, [], {"items": None}, "text"])
def test_a_show_survives_a_bad_first_page(episodes: object) -> None:
    """The page can be asked for by itself."""
    assert ShowPayload.model_validate({"id": "s", "episodes": episodes}).episodes is None


def test_a_saved_instant_is_utc() -> None:
    """Whatever zone it was written in."""
    saved = SavedEpisodePayload.model_validate(
        {"added_at": "2026-10-01T02:00:00+02:00", "episode": EPISODE}
    )

    assert datetime(2026, 10, 1, tzinfo=UTC) == saved.added_at


def test_accounts_are_told_apart_by_what_never_changes() -> None:
    """`account_id` if there is one, else the id."""
    old = ProfilePayload.model_validate({"id": "ada", "display_name": None})
    new = ProfilePayload.model_validate({"id": "ada", "account_id": "acc1"})

    assert ("ada", "acc1") == (old.account_key, new.account_key)
    with pytest.raises(ValidationError):
        ProfilePayload.model_validate({"id": None})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from([*EPISODE, "show", "images"]), anything, max_size=3),
        max_size=4,
    )
)
def test_no_page_of_items_fails(items: list[dict[str, object]]) -> None:
    """Every item is either used or counted, whatever it holds."""
    mixed = [{**EPISODE, **item} for item in items]

    page: Listing[EpisodePayload] = read_listing({"items": mixed}, EpisodePayload.model_validate)

    assert len(mixed) == len(page.items) + page.quarantined
    assert all(found.name.encode() is not None for found in page.items)

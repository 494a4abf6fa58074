"""How runs end, in words, and when the next one is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.crypto import KeyMissing
from src.errors import NotFound, PlayheadError
from src.spotify import errors
from src.spotify.models import Outcome
from src.spotify.outcomes import Ending, Timing, ending_of, ending_of_work, next_sync_at
from src.utils.circuit_breaker import BreakerOpen
from src.utils.entropy import SeededEntropy

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
USUAL = Timing(now=NOW, interval=timedelta(hours=4), failures=0, is_first=False, parked_until=None)


def wait_s(ending: Ending, timing: Timing = USUAL, *, seed: int = 1) -> float:
    """Return the seconds until the next run."""
    return (next_sync_at(ending, timing, entropy=SeededEntropy(seed)) - NOW).total_seconds()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.CallCapReached(20), Outcome.CALL_CAP_REACHED),
        (errors.QuotaExhausted(), Outcome.QUOTA_PARKED),
        (errors.SpotifyBusy(), Outcome.SPOTIFY_BUSY),
        (BreakerOpen("spotify_api", retry_after_s=60), Outcome.BREAKER_OPEN),
        (errors.TimedOut(), Outcome.UNREACHABLE),
        (errors.Garbled(), Outcome.UNREACHABLE),
        (errors.SpotifyNotFound(), Outcome.UNREACHABLE),
        (errors.ReconnectNeeded(), Outcome.RECONNECT_NEEDED),
        (KeyMissing(), Outcome.KEY_MISSING),
        (errors.ScopeMissing(), Outcome.RECONNECT_NEEDED),
        (errors.NotConnected(), Outcome.DISCONNECTED),
        (errors.NotAllowed(), Outcome.NOT_ALLOWED),
        (errors.PremiumLapsed(), Outcome.PREMIUM_LAPSED),
        (errors.CallRemoved(), Outcome.FAILED),
        (NotFound("There is no such thing."), Outcome.FAILED),
    ],
)
def test_known_errors_end_a_run_in_their_own_words(error: PlayheadError, expected: Outcome) -> None:
    """The outcome is named, and the message is the error's."""
    ending = ending_of(error)

    assert (expected, error.message) == (ending.outcome, ending.message)


def test_ended_consent_is_told_from_a_revoked_grant() -> None:
    """Both need a new sign-in, but only one of them was to be expected."""
    ending = ending_of(errors.ReconnectNeeded(), reason="consent_expired")

    assert Outcome.CONSENT_EXPIRED == ending.outcome


def test_unforeseen_errors_are_told_without_their_text() -> None:
    """Nothing of an exception's words reaches the report."""
    ending = ending_of(ValueError("planted secret"))

    assert Outcome.FAILED == ending.outcome
    assert "planted" not in ending.message


@pytest.mark.parametrize(
    ("newest", "older", "at_cap", "expected", "words"),
    [
        (0, 0, False, Outcome.COMPLETE, "Up to date."),
        (0, 3, True, Outcome.MORE_TO_DO, "3 podcasts"),
        (1, 3, False, Outcome.MORE_TO_DO, "1 podcast "),
        (2, 3, True, Outcome.CALL_CAP_REACHED, "2 podcasts"),
    ],
)
def test_run_that_did_its_part_says_what_is_left(
    newest: int, older: int, *, at_cap: bool, expected: Outcome, words: str
) -> None:
    """The newest episodes matter before the older ones."""
    ending = ending_of_work(newest_pending=newest, backfill_pending=older, at_cap=at_cap)

    assert expected == ending.outcome
    assert words in ending.message


@given(st.integers(), st.sampled_from([Outcome.COMPLETE, Outcome.NOT_ALLOWED]))
def test_next_run_is_due_an_interval_later_give_or_take_a_tenth(
    seed: int, outcome: Outcome
) -> None:
    """Nobody comes sooner or later than that, and not all at once."""
    assert 3.6 * 3600 <= wait_s(Ending(outcome, ""), seed=seed) <= 4.4 * 3600


@given(st.integers())
def test_first_run_spreads_over_the_whole_interval(seed: int) -> None:
    """Users who came in the same minute part ways."""
    timing = replace(USUAL, is_first=True)

    assert 0 <= wait_s(Ending(Outcome.MORE_TO_DO, ""), timing, seed=seed) <= 4 * 3600


@given(st.integers(0, 40), st.integers())
def test_failures_double_the_wait_up_to_the_interval(failures: int, seed: int) -> None:
    """From a minute on; never longer than a healthy user waits."""
    timing = replace(USUAL, failures=failures)

    waited = wait_s(Ending(Outcome.UNREACHABLE, ""), timing, seed=seed)

    doubled = 60 * 2.0**failures
    assert min(4 * 3600, doubled) <= waited <= min(4 * 3600, 1.1 * doubled)


@given(st.floats(0, 90_000), st.integers())
def test_asked_waits_are_kept(retry_after_s: float, seed: int) -> None:
    """Never sooner than asked for, and not all in the same second."""
    ending = Ending(Outcome.SPOTIFY_BUSY, "", retry_after_s)

    waited = wait_s(ending, seed=seed)

    assert retry_after_s <= waited + 1e-5
    assert waited <= max(1.0, retry_after_s) * 1.1 + 5.1


def test_parked_account_is_waited_for() -> None:
    """The quota's own instant counts, however short the error's own wait is."""
    timing = replace(USUAL, parked_until=NOW + timedelta(hours=9))

    assert 9 * 3600 <= wait_s(Ending(Outcome.QUOTA_PARKED, "", 60), timing) <= 9 * 3600 + 300

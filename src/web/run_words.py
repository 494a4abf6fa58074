"""A sync run in words: what it does, what it found, and how it ended."""

from dataclasses import dataclass
from typing import Any

from src.spotify.models import Outcome, RunState, SyncRun, Trigger
from src.web.formats import count, counted, money

_STEPS = {
    "waiting": "Waiting for its turn",
    "shows": "Reading the list of your shows",
    "saved_episodes": "Reading the episodes you saved",
    "episodes": "Reading episodes, show by show",
}

_ENDS: dict[Outcome, tuple[str, str]] = {
    Outcome.COMPLETE: ("ok", "complete"),
    Outcome.MORE_TO_DO: ("ok", "more to come"),
    Outcome.CALL_CAP_REACHED: ("ok", "more to come"),
    Outcome.QUOTA_PARKED: ("warn", "waits for Spotify"),
    Outcome.SPOTIFY_BUSY: ("warn", "waits for Spotify"),
    Outcome.BREAKER_OPEN: ("warn", "waits for Spotify"),
    Outcome.UNREACHABLE: ("warn", "Spotify out of reach"),
    Outcome.RECONNECT_NEEDED: ("stop", "stopped: connect again"),
    Outcome.CONSENT_EXPIRED: ("stop", "stopped: consent ended"),
    Outcome.NOT_ALLOWED: ("stop", "stopped: not on the app's list"),
    Outcome.PREMIUM_LAPSED: ("stop", "stopped: Premium needed"),
    Outcome.KEY_MISSING: ("stop", "stopped: a key is missing"),
    Outcome.DISCONNECTED: ("warn", "disconnected"),
    Outcome.FAILED: ("stop", "failed"),
}

_COUNTS = (
    "shows_done",
    "shows_total",
    "calls",
    "max_calls",
    "cost_micro",
    "episodes_new",
    "plays_changed",
)

_TRIGGERS = {
    Trigger.FIRST: "first sync",
    Trigger.SCHEDULE: "by schedule",
    Trigger.MANUAL: "asked for",
}


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: `kind` is ok, warn or stop, `tag` a word or two, `words` sentences."""

    kind: str
    tag: str
    words: str


def end_of(run: SyncRun) -> End:
    """Return how a run ended; an end without a name is a failure."""
    kind, tag = _ENDS[Outcome(run.outcome or Outcome.FAILED)]
    return End(kind, tag, run.message or "")


def trigger_of(run: SyncRun) -> str:
    """Return why a run was started."""
    return _TRIGGERS[Trigger(run.trigger)]


def found_by(run: SyncRun, *, nothing: str = "nothing new") -> str:
    """Return what a run brought that was not there before, or `nothing`."""
    parts = []
    if run.episodes_new:
        parts.append(counted(run.episodes_new, "new episode"))
    if run.plays_changed:
        parts.append(counted(run.plays_changed, "resume point"))
    return ", ".join(parts) or nothing


def progress_to_come() -> dict[str, Any]:
    """Return the live fields of a run that is about to begin."""
    return progress_of(SyncRun(state=RunState.QUEUED, **dict.fromkeys(_COUNTS, 0)))


def progress_of(run: SyncRun) -> dict[str, Any]:
    """Return a run under way in words, by the names of the page's live fields.

    `bar` is the pair of shows done and shows in all; the rest is text as shown.
    """
    waits = run.state == RunState.QUEUED
    step = _STEPS["waiting"] if waits else _STEPS.get(run.phase, "Putting things in order")
    shows = (
        f"{count(run.shows_done)} of {count(run.shows_total)}"
        if run.shows_total
        else "not yet known"
    )
    found = found_by(run, nothing="nothing yet")
    return {
        "state": "waiting" if waits else "running",
        "step": step,
        "bar": [run.shows_done, max(1, run.shows_total)],
        "shows": shows,
        "calls": count(run.calls),
        "most": f"at most {count(run.max_calls)}" if run.max_calls else "",
        "cost": money(run.cost_micro),
        "found": found,
        "sentence": f"{step}: {shows} shows, {counted(run.calls, 'call')}, {found}.",
    }

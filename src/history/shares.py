"""Listening that goes on over midnight: which part of its milliseconds belongs to which side."""


def share_ms(began_s: int, ended_s: int, ms: int, *, from_s: int, to_s: int) -> int:
    """Return how much of an event was heard from `from_s` up to and without `to_s`.

    In proportion to wall time, as if it had been heard evenly. Shares of times side by side
    sum to the share of all of them, to the millisecond, wherever they are cut; what rounding
    leaves over goes to the last.

    Args:
        began_s: Start of the event, UTC epoch seconds.
        ended_s: End of the event, UTC epoch seconds, at least `began_s`.
        ms: Milliseconds heard.
        from_s: First second of the time asked about, UTC epoch.
        to_s: First second after it, UTC epoch.
    """
    return _until(to_s, began_s, ended_s, ms) - _until(from_s, began_s, ended_s, ms)


def _until(at_s: int, began_s: int, ended_s: int, ms: int) -> int:
    """Return how much was heard before `at_s`."""
    if at_s > ended_s:
        return ms
    return 0 if at_s <= began_s else ms * (at_s - began_s) // (ended_s - began_s)

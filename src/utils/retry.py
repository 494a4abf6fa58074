"""Waits between attempts, and the allowance that keeps retries few in an outage.

The loop that retries lives with the client; these parts are pure.
"""

from src.utils.entropy import Entropy

_LARGEST_EXPONENT = 32  # beyond it every cap has long been reached
_TENTHS = 10  # tenths of a token, so that ten deposits make exactly one


def full_jitter(attempt: int, *, base_s: float, cap_s: float, entropy: Entropy) -> float:
    """Return the seconds to wait after a failed attempt, spread evenly from zero.

    Args:
        attempt: The attempt that failed, 1 or more.
        base_s: Half of the longest wait after the first attempt, in seconds.
        cap_s: The longest wait after any attempt, in seconds.
        entropy: Where the spread comes from.

    Returns:
        Seconds between 0 and `min(cap_s, base_s * 2**attempt)`.
    """
    longest_s = base_s * 2.0 ** min(attempt, _LARGEST_EXPONENT)
    return entropy.uniform(0.0, min(cap_s, longest_s))


def asked_wait(retry_after_s: float, *, entropy: Entropy) -> float:
    """Return the seconds to wait when the other side named a time: never less, a tenth more.

    Args:
        retry_after_s: Seconds the other side asked for.
        entropy: Spreads callers that were told the same time.

    Returns:
        Seconds between `retry_after_s` and 1.1 times that plus 0.1.
    """
    return retry_after_s + entropy.uniform(0.0, 0.1 * retry_after_s + 0.1)


class RetryBudget:
    """Allows one retry for every ten first attempts, and ten more to start with.

    Single errors are retried at once; in an outage, traffic grows by a tenth and no more.
    One per process and service called.
    """

    def __init__(self, *, most: int = 10) -> None:
        """Start full.

        Args:
            most: Whole tokens that can be held, and held at the start.
        """
        self._most_tenths = most * _TENTHS
        self._tenths = self._most_tenths

    def first(self) -> None:
        """Note a first attempt: a tenth of a token is added."""
        self._tenths = min(self._most_tenths, self._tenths + 1)

    def take(self) -> bool:
        """Take one token for a retry; false, and nothing taken, if there is no whole one."""
        if self._tenths < _TENTHS:
            return False
        self._tenths -= _TENTHS
        return True

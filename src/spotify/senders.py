"""What surrounds the wire, one concern each: stages that take a call and hand it on.

The client puts them together; `client.py` shows the order.
"""

from dataclasses import replace

from src.spotify.calls import Call, Reply, Send, Tokens
from src.spotify.errors import (
    QuotaExhausted,
    ReconnectNeeded,
    Slowed,
    SpotifyBusy,
    TokenRejected,
    Transient,
)
from src.spotify.pace import Pace
from src.spotify.quota import OTHER, Quota
from src.utils.circuit_breaker import BreakerOpen, CircuitBreaker
from src.utils.clock import Clock
from src.utils.entropy import Entropy
from src.utils.retry import RetryBudget, asked_wait, full_jitter

ATTEMPTS = 4
_BASE_S = 0.5
_CAP_S = 8.0
_HONOURED_S = 30.0
_LATE_S = 0.5  # with what the limiter allows, the second that its widest window has to spare


def reauthorised(inner: Send, *, tokens: Tokens) -> Send:
    """Put the user's access token in, and once a new one if Spotify rejects it.

    Raises what `tokens` raises, and `ReconnectNeeded` if the new one is rejected too.
    """

    async def send(call: Call) -> Reply:
        access = await tokens.access_token(call.user_id, stale_fence=None)
        try:
            return await inner(replace(call, token=access.value))
        except TokenRejected:
            access = await tokens.access_token(call.user_id, stale_fence=access.fence)
        try:
            return await inner(replace(call, token=access.value))
        except TokenRejected as error:
            raise ReconnectNeeded from error

    return send


def retried(inner: Send, *, clock: Clock, entropy: Entropy, budget: RetryBudget) -> Send:
    """Try again what may work in a moment: at most four attempts, each after a longer wait.

    Waits are spread evenly from zero; the time Spotify asks for is kept up to 30 s.
    Nothing is retried beyond the call's deadline, beyond the process's retry budget,
    or if making it twice could do harm.

    Raises `SpotifyBusy` where a last attempt was told to slow down.
    """

    async def send(call: Call) -> Reply:
        budget.first()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await inner(call)
            except (Transient, Slowed) as error:
                wait_s = _wait_s(error, attempt, entropy)
                too_late = wait_s > _HONOURED_S or clock.monotonic() + wait_s >= call.deadline
                last = too_late or attempt == ATTEMPTS or not call.idempotent
                if last or not budget.take():
                    if isinstance(error, Slowed):
                        raise SpotifyBusy(retry_after_s=wait_s) from error
                    raise
            await clock.sleep(wait_s)

    return send


def _wait_s(error: Transient | Slowed, attempt: int, entropy: Entropy) -> float:
    if error.retry_after_s is not None:
        return asked_wait(error.retry_after_s, entropy=entropy)
    return full_jitter(attempt, base_s=_BASE_S, cap_s=_CAP_S, entropy=entropy)


def guarded(inner: Send, *, breaker: CircuitBreaker) -> Send:
    """Call nothing while the service is known to be down; the wire gives the verdict."""

    async def send(call: Call) -> Reply:
        async with breaker.guard() as permit:
            return await inner(replace(call, permit=permit))

    return send


def budgeted(inner: Send) -> Send:
    """Hold one of the attempts that this piece of work may make."""

    async def send(call: Call) -> Reply:
        if call.budget is None:
            return await inner(call)
        with call.budget.hold():
            return await inner(call)

    return send


def paced(inner: Send, *, pace: Pace) -> Send:
    """Wait for a turn."""

    async def send(call: Call) -> Reply:
        await pace.turn(call)
        return await inner(call)

    return send


def pooled(inner: Send, *, quota: Quota, pace: Pace, clock: Clock) -> Send:
    """Count the call in the allowance that all users share.

    Comes after every long wait, so that what is counted is what goes out. A call that a
    slow database made late takes another turn: the window of its own may be full by now.
    """

    async def send(call: Call) -> Reply:
        if call.bucket is not None:
            began_s = clock.monotonic()
            await quota.take(call.bucket)
            if clock.monotonic() - began_s > _LATE_S:
                await pace.turn(call)
        return await inner(call)

    return send


def still_wanted(inner: Send, *, breaker: CircuitBreaker, quota: Quota) -> Send:
    """Take a last look, without waiting: the service may have gone down while the call queued."""

    async def send(call: Call) -> Reply:
        if call.permit is not None and not call.permit.still_current():
            rest_s = breaker.get_stats()["retry_after_s"]
            raise BreakerOpen(breaker.name, retry_after_s=rest_s)
        quota.refuse_while_parked()
        return await inner(call)

    return send


def parking(inner: Send, *, quota: Quota) -> Send:
    """Let everybody rest when Spotify says that the allowance is used up."""

    async def send(call: Call) -> Reply:
        try:
            return await inner(call)
        except QuotaExhausted as error:
            await quota.park(call.bucket or OTHER, retry_after_s=error.retry_after_s or 0.0)
            raise

    return send


def resting(inner: Send, *, pace: Pace) -> Send:
    """Let every call of the process rest when Spotify asks one of them to slow down."""

    async def send(call: Call) -> Reply:
        try:
            return await inner(call)
        except Slowed as error:
            pace.rest(error.retry_after_s or 0.0)
            raise

    return send

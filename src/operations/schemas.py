"""What those who watch over the service are told."""

from typing import Literal

from pydantic import BaseModel

Check = Literal["ok", "failed"]


class Liveness(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be served, and by which checks.

    `spotify` is the state of the circuit breaker of this process; it decides nothing.
    """

    status: Check
    checks: dict[str, Check]
    spotify: Literal["closed", "open", "half_open"]

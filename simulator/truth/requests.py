"""Every request the service received, noted on arrival.

A request is logged before it is answered, so that one whose client died while
waiting counts as well.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class RequestRecord:
    """One request; the last four fields are filled in when it is answered.

    Attributes:
        ordinal: Position in the log, from 0.
        at: World time of arrival.
        wire_s: Wire time of arrival.
        service: `accounts`, `api` or `artwork`.
        method: HTTP method.
        path: Path without query.
        query: Raw query string; never holds a token.
        client_id: App of the grant, or None.
        listener: Index of the listener whose token came along, or None.
        grant: Grant of that token, or None.
        endpoint: Route template such as `/shows/{id}`; empty when unknown.
        status: HTTP status; None while unanswered.
        bytes: Body bytes sent.
        fault: Name of the fault that changed the answer, or None.
    """

    ordinal: int
    at: datetime
    wire_s: float
    service: str
    method: str
    path: str
    query: str
    client_id: str | None = None
    listener: int | None = None
    grant: str | None = None
    endpoint: str = ""
    status: int | None = None
    bytes: int = 0
    fault: str | None = None


class RequestLog:
    """All requests in order of arrival, with the questions tests ask of them."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(self._records)

    def append(self, record: RequestRecord) -> None:
        """Note one arrival."""
        self._records.append(record)

    def page(self, *, offset: int, limit: int) -> list[RequestRecord]:
        """Return at most `limit` records from position `offset`."""
        return self._records[offset : offset + limit]

    def count(
        self,
        service: str | None = None,
        *,
        endpoint: str | None = None,
        status: int | None = None,
        listener: int | None = None,
    ) -> int:
        """Count the requests that match every argument given."""
        return sum(
            (service is None or service == one.service)
            and (endpoint is None or endpoint == one.endpoint)
            and (status is None or status == one.status)
            and (listener is None or listener == one.listener)
            for one in self._records
        )

    def most_in_any(self, seconds: float = 60.0, *, service: str | None = "api") -> int:
        """Return the largest number of arrivals in any window of wire time.

        Args:
            seconds: Length of the window; its far end is excluded, as in a
                limiter that frees a place after exactly that long.
            service: Which part of the service, or None for all.
        """
        window: deque[float] = deque()
        most = 0
        for one in self._records:
            if service is not None and one.service != service:
                continue
            window.append(one.wire_s)
            while one.wire_s - window[0] >= seconds:
                window.popleft()
            most = max(most, len(window))
        return most

    def refreshes(self) -> Counter[str]:
        """Count refreshes of access tokens by grant, refused ones included."""
        return Counter(
            one.grant or "unknown" for one in self._records if one.endpoint == "refresh_token"
        )

    def summary(self) -> dict[str, object]:
        """Return the figures a run is judged by."""
        by_status: dict[str, dict[str, int]] = {}
        by_endpoint: Counter[str] = Counter()
        for one in self._records:
            statuses = by_status.setdefault(one.service, {})
            key = "unanswered" if one.status is None else str(one.status)
            statuses[key] = statuses.get(key, 0) + 1
            by_endpoint[one.endpoint or "unknown"] += 1
        return {
            "attempts": len(self._records),
            "bytes": sum(one.bytes for one in self._records),
            "services": by_status,
            "endpoints": dict(sorted(by_endpoint.items())),
            "faults": dict(Counter(one.fault for one in self._records if one.fault)),
            "max_api_calls_in_any_60_s": self.most_in_any(60.0),
            "refreshes": dict(sorted(self.refreshes().items())),
        }

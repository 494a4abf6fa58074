"""Which call a fault hits."""

import pytest

from simulator.faults.board import Fault, FaultBoard, Kind


def _hits(board: FaultBoard, calls: int, *, listener: int = 0, path: str = "/v1/me") -> list[int]:
    return [
        ordinal
        for ordinal in range(calls)
        if board.take(Kind.UNAVAILABLE, path=path, listener=listener, ordinal=ordinal)
    ]


def test_a_fault_ends_after_its_times_and_begins_after_its_patience() -> None:
    """The third and fourth matching calls are hit, no other."""
    board = FaultBoard(1)
    board.add(Fault(Kind.UNAVAILABLE, after=2, times=2))

    assert [2, 3] == _hits(board, 9)
    assert [] == board.listed()


def test_path_and_listener_narrow_a_fault() -> None:
    """Calls elsewhere, or of others, neither are hit nor count."""
    board = FaultBoard(1)
    fault = board.add(Fault(Kind.UNAVAILABLE, path="/v1/shows/*", listener=1))

    assert [] == _hits(board, 3)
    assert [] == _hits(board, 3, path="/v1/shows/x")
    assert [0, 1, 2] == _hits(board, 3, listener=1, path="/v1/shows/x/episodes")
    assert 3 == fault.seen


def test_a_rate_is_drawn_from_the_seed_alone() -> None:
    """The same calls are hit whatever other faults there are; about as many as told."""
    alone, among = FaultBoard(7), FaultBoard(7)
    alone.add(Fault(Kind.UNAVAILABLE, rate=0.25))
    among.add(Fault(Kind.NOT_FOUND, rate=0.5))
    among.add(Fault(Kind.UNAVAILABLE, rate=0.25))
    hits = _hits(alone, 1_000)

    assert hits == _hits(among, 1_000)
    assert 200 < len(hits) < 300
    other = FaultBoard(8)
    other.add(Fault(Kind.UNAVAILABLE, rate=0.25))
    assert hits != _hits(other, 1_000)


def test_faults_of_the_web_api_leave_the_accounts_service_alone() -> None:
    """Unless a pattern says otherwise."""
    board = FaultBoard(1)
    board.add(Fault(Kind.NOT_FOUND))

    assert board.take(Kind.NOT_FOUND, path="/api/token", listener=None, ordinal=0) is None
    assert board.take(Kind.NOT_FOUND, path="/v1/me", listener=None, ordinal=0)


def test_faults_are_switched_off_by_handle_kind_or_all() -> None:
    """Each way says how many ended."""
    board = FaultBoard(1)
    handle = board.add(Fault(Kind.SLOW)).id
    for kind in (Kind.SLOW, Kind.DRIP, Kind.DRIP, Kind.HTML):
        board.add(Fault(kind))

    assert board.remove(handle)
    assert not board.remove(handle)
    assert 2 == board.clear(Kind.DRIP)
    assert 2 == board.clear()


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 1.5}, {"rate": -1}, {"after": -1}, {"times": 0}, {"value": -1}, {"value": 2e9}],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    """Rates are shares, counts are counts."""
    with pytest.raises(ValueError, match="must be"):
        Fault(Kind.SLOW, **wrong)  # type: ignore[arg-type]

"""What the database does to two transactions that wait for each other."""

_GIVEN_UP = frozenset({"40P01", "40001"})  # deadlock_detected, serialization_failure


def is_clash(error: BaseException) -> bool:
    """Tell whether the database gave a transaction up for another's sake.

    PostgreSQL alone does so; nothing was written, and the same again will work. SQLite
    has one writer at a time.
    """
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _GIVEN_UP

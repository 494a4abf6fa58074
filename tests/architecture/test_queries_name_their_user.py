"""Every statement says whose rows it touches."""

import re

import pytest

from tests.architecture.sources import Function, Module, module_of, modules

QUERY_FILES = re.compile(r"src/\w+/(queries|\w+_queries|queries/\w+)\.py")
ALL_USERS = "_all_users"

# Functions that serve no single user and read no user's rows, each with its reason.
WITHOUT_USER = {
    "src/operations/queries.py::revision_of": "asks the database about its schema",
    "src/operations/queries.py::key_check_of": "the installation's own text, sealed for nobody",
    "src/operations/queries.py::role_of": "asks the database about its roles",
    "src/users/queries.py::installation": "the one row about this installation",
    "src/users/queries.py::store_setup_code": "the installation, before it has any user",
    "src/users/queries.py::claim_installation": "the installation, before it has any user",
    "src/users/queries.py::store_key_check": "the installation's own text, sealed for nobody",
    "src/users/queries.py::store_invite": "an invite is nobody's yet",
    "src/users/queries.py::has_invite": "an invite is nobody's yet; its hash is the proof",
    "src/users/queries.py::consume_invite": "an invite is nobody's yet; its hash is the proof",
    "src/users/queries.py::counter": "counts failed logins, by name and address",
    "src/users/queries.py::lower_counter": "counts failed logins, by name and address",
    "src/users/queries.py::clear_counter": "counts failed logins, by name and address",
}


def _keywords(function: Function) -> set[str]:
    return {argument.arg for argument in function.args.kwonlyargs}


def nameless(module: Module) -> set[str]:
    """Return `path::name` of each public function that names neither one user nor all."""
    return {
        f"{module.path}::{function.name}"
        for function in module.public_functions
        if "user_id" not in _keywords(function) and not function.name.endswith(ALL_USERS)
    }


def test_queries_take_a_user_or_say_they_span_all() -> None:
    """A function takes a keyword-only `user_id`, ends in `_all_users`, or is a listed exception."""
    found = {
        name
        for module in modules("src")
        if QUERY_FILES.fullmatch(module.path)
        for name in nameless(module)
    }

    assert set() == found - WITHOUT_USER.keys()
    assert set() == WITHOUT_USER.keys() - found, "exceptions that are no longer needed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("async def shows(session, *, user_id): ...", set()),
        ("async def due_users_all_users(session, *, limit): ...", set()),
        ("def _columns(): ...", set()),
        ("async def shows(session, user_id): ...", {"planted.py::shows"}),
        ("def shows(session): ...", {"planted.py::shows"}),
    ],
)
def test_planted_functions_are_judged(text: str, expected: set[str]) -> None:
    """A positional `user_id` is refused: it could be confused with another number."""
    assert expected == nameless(module_of(text))

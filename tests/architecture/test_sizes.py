"""Files and functions stay small enough to be read at one sitting."""

import ast

from tests.architecture.sources import Function, Module, module_of, modules

FILE_LINES = 400
FUNCTION_LINES = 60


def oversized(module: Module) -> list[str]:
    """Return what in one file is too long, with its length in lines."""
    length = module.text.count("\n")
    found = [f"{module.path}: {length}"] if length > FILE_LINES else []
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{module.path}:{node.lineno} {node.name}: {length}")
    return found


def test_nothing_is_too_long() -> None:
    """A file has at most 400 lines, a function 60."""
    found = [
        finding
        for folder in ("src", "simulator", "tests", "benchmarks")
        for module in modules(folder)
        for finding in oversized(module)
    ]

    assert [] == found


def test_a_planted_giant_is_found() -> None:
    """Both limits are really measured, and the limit itself is allowed."""
    fits = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)
    grows = fits + "    x = 1\n"

    assert [] == oversized(module_of(fits))
    assert ["planted.py:1 f: 61"] == oversized(module_of(grows))
    assert ["planted.py: 401"] == oversized(module_of("x = 1\n" * (FILE_LINES + 1)))

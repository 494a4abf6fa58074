"""Importing a package runs nothing: its `__init__.py` says what it is for, and no more."""

import ast

from tests.architecture.sources import modules

ENTRY_POINTS = {"src/cli/__init__.py"}  # the script `playhead` starts there


def test_init_files_hold_a_docstring_only() -> None:
    """Nothing is re-exported, so every name has one address."""
    found = [
        module.path
        for folder in ("src", "simulator", "tests")
        for module in modules(folder)
        if module.path.endswith("__init__.py") and module.path not in ENTRY_POINTS
        if len(module.tree.body) != 1 or ast.get_docstring(module.tree) is None
    ]

    assert [] == found

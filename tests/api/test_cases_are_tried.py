"""The table of abuse cases tells of tests that exist."""

import ast
import re

from tests.architecture.sources import ROOT, modules

PAGE = ROOT / "docs" / "explanation" / "security.md"
DUE = {*range(1, 31), 35, *range(37, 41)}
ROW = re.compile(r"^\| (\d+) \|.*\| `(tests/\S+\.py)::(test_\w+)` \|$", re.MULTILINE)


def test_every_case_names_a_test_there_is() -> None:
    """Each case that concerns what exists has a row, and its test stands where the row says."""
    rows = ROW.findall(PAGE.read_text())
    tests = {
        (module.path, node.name)
        for module in modules("tests")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert sorted(DUE) == [int(number) for number, _, _ in rows]
    assert set() == {(path, name) for _, path, name in rows} - tests

"""The project's own files, as the tests of this folder read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file: its path below the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def public_functions(self) -> list[Function]:
        """Functions at the top of the file whose names do not begin with an underscore."""
        return [
            node
            for node in self.tree.body
            if isinstance(node, Function) and not node.name.startswith("_")
        ]


@cache
def modules(folder: str) -> tuple[Module, ...]:
    """Return every Python file below `folder`, in order of path."""
    return tuple(
        module_of(path.read_text(), path=path.relative_to(ROOT).as_posix())
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def module_of(text: str, *, path: str = "planted.py") -> Module:
    """Parse `text` as the file `path`."""
    return Module(path, text, ast.parse(text))


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: `{"dt": "datetime", "now": "time.time"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted_name(node: ast.expr, names: dict[str, str]) -> str | None:
    """Return the full name that an expression such as `dt.datetime.now` refers to."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def references(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each use of something imported."""
    names = imported_names(tree)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            name = dotted_name(node, names)
            if name is not None:
                yield node.lineno, name

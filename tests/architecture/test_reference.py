"""Every error and command has its place in the reference, and nothing else has."""

import importlib
import re

from src.cli.root import COMMANDS
from src.errors import PlayheadError
from tests.architecture.sources import ROOT, modules

ERROR_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)
COMMAND_HEADING = re.compile(r"^## `playhead ([a-z-]+)", re.MULTILINE)


def errors(root: type[PlayheadError] = PlayheadError) -> set[type[PlayheadError]]:
    """Return `root` and every error that any module of `src` derives from it."""
    return {root}.union(*(errors(child) for child in root.__subclasses__()))


def test_every_error_is_in_the_reference() -> None:
    """`docs/reference/errors.md` names each code with its status, once."""
    for module in modules("src"):
        name = module.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        if not name.endswith("__main__"):
            importlib.import_module(name)
    told = ERROR_ROW.findall((ROOT / "docs/reference/errors.md").read_text())
    known = {(e.code, str(e.status)) for e in errors() if e.__module__.startswith("src.")}

    assert sorted(known) == sorted(told)


def test_every_command_is_in_the_reference() -> None:
    """`docs/reference/commands.md` has a heading for each command, in the order of --help."""
    told = COMMAND_HEADING.findall((ROOT / "docs/reference/commands.md").read_text())

    assert list(COMMANDS) == told

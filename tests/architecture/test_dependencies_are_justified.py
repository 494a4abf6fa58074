"""Each direct dependency has a line that says why it is there."""

import re
import tomllib

from tests.architecture.sources import ROOT

NAME = re.compile(r"[a-z0-9-]+")
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| \S", re.MULTILINE)


def test_page_and_project_name_the_same_packages() -> None:
    """`docs/dependencies.md` lists what `pyproject.toml` asks for, once, in the same order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = [found.group() for line in wanted if (found := NAME.match(line))]

    listed = ROW.findall((ROOT / "docs/dependencies.md").read_text())

    assert names == listed

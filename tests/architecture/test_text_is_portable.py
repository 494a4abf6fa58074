"""What is committed makes sense on every machine."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

FOLDERS = (".ci", "benchmarks", "docs", "migrations", "simulator", "src", "tests")
IGNORED = re.compile(r"config\.env|uv\.lock|\.coverage.*")  # a user's own file, or made by tools
BINARY = {".db", ".db-shm", ".db-wal", ".gz", ".ico", ".png", ".pyc", ".woff2", ".zip"}
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:root|work|home/\w+|Users/\w+)/\S*")
PACKAGE_URL = re.compile(r"https?://[^\s/\"']+")
PUBLIC_INDEX = {"https://pypi.org", "https://files.pythonhosted.org"}


def _texts() -> Iterator[tuple[str, str]]:
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += (path for path in (ROOT / folder).rglob("*") if path.is_file())
    for path in sorted(found):
        if not IGNORED.fullmatch(path.name) and path.suffix not in BINARY:
            yield path.relative_to(ROOT).as_posix(), path.read_text(errors="replace")


def machine_paths(text: str) -> list[str]:
    """Return the absolute paths in `text` that exist on one person's machine."""
    return MACHINE_PATH.findall(text)


def test_no_text_names_a_machine() -> None:
    """Paths are relative, or below folders that every system has."""
    found = {path: paths for path, text in _texts() if (paths := machine_paths(text))}

    assert {} == found


def test_lock_names_only_the_public_index() -> None:
    """Whoever clones the project can fetch what the lock names."""
    assert set(PACKAGE_URL.findall(Path(ROOT / "uv.lock").read_text())) == PUBLIC_INDEX


def test_requirements_name_no_index() -> None:
    """The exported requirements leave the index to pip's own settings."""
    text = (ROOT / "requirements.txt").read_text()

    assert not re.search(r"^--(extra-)?index-url|^--find-links|^-f ", text, re.MULTILINE)
    assert [] == PACKAGE_URL.findall(text)


@pytest.mark.parametrize("folder", ["root", "work", "home/ann", "Users/ann"])
def test_a_planted_path_is_found(folder: str) -> None:
    """The pattern sees a path in quotes and in prose, and leaves parts of longer ones alone."""
    planted = f"/{folder}/notes.txt"

    assert [planted] == machine_paths(f"see {planted} there")
    assert [] == machine_paths(f"https://example.org{planted}")

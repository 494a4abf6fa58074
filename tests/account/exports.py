"""Exports as tests take them, open them and change them."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from src.account.export import spooled
from src.runtime import Runtime
from src.utils.types import UserId

Files = dict[str, bytes]


async def exported(runtime: Runtime, user_id: UserId) -> Files:
    """Export an account, and return its files by name."""
    with await spooled(runtime, user_id=user_id) as file, zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files) -> io.BytesIO:
    """Put files into a zip again."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    target.seek(0)
    return target


def lines_of(content: bytes) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in content.splitlines()]


def changed(files: Files, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Files:
    """Return the files with each line of the history changed, or left out."""
    return {**files, "history.jsonl": _changed(files["history.jsonl"], change)}


def _changed(content: bytes, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> bytes:
    lines = [change(line) for line in lines_of(content)]
    texts = [json.dumps(one, separators=(",", ":")) for one in lines if one is not None]
    return "".join(f"{text}\n" for text in texts).encode()


def with_values(files: Files, file: str, /, **values: object) -> Files:
    """Return the files with values put into every line of one of them."""
    return {**files, file: _changed(files[file], lambda line: {**line, **values})}


def without_times(files: Files) -> Files:
    """Return the files that a restore reads back, without the instant of the export."""
    header, *rest = files["history.jsonl"].splitlines(keepends=True)
    kept = json.loads(header)
    del kept["exported_at"]
    return {**files, "history.jsonl": json.dumps(kept).encode() + b"\n" + b"".join(rest)}

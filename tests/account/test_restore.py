"""A restore: what an export took away is there again, in an empty Playhead."""

from pathlib import Path

from src.account.records import SUBJECTS
from src.account.restore import restore
from src.runtime import Runtime
from tests.account.exports import exported, without_times, zipped
from tests.account.lives import lived
from tests.factories import add_user

COMES_BACK = {
    "history.jsonl",
    "plays.csv",
    *(
        f"{subject.name}.{ending}"
        for subject in SUBJECTS
        if subject.is_restored and subject.name != "profile"
        for ending in ("jsonl", "csv")
    ),
}


async def test_an_export_restored_elsewhere_is_exported_the_same(
    runtime: Runtime, elsewhere: Runtime, tmp_path: Path
) -> None:
    """The bytes of every file that comes back are the same, but for the instant of the export."""
    ada = await lived(runtime, tmp_path)
    first = await exported(runtime, ada.user_id)
    other = await add_user(elsewhere, "other")

    restored = await restore(elsewhere, user_id=other, file=zipped(first))
    second = await exported(elsewhere, other)

    assert [] == restored.differences
    for name in sorted(COMES_BACK):
        assert without_times(first)[name] == without_times(second)[name], name
        assert b"" != first[name]

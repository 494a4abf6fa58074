"""Two servers on one PostgreSQL: the second says why it does not start, and may after a kill."""

from pathlib import Path

import pytest

from tests.faults.playhead_process import SERVE, PlayheadProcess
from tests.faults.test_refusals import ALREADY_RUNNING, UVICORN
from tests.fixtures import DatabaseUrls

pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.mark.parametrize("command", [SERVE, UVICORN], ids=["serve", "uvicorn"])
async def test_second_syncing_process_is_refused_until_the_first_is_killed(
    tmp_path: Path, postgres_database: DatabaseUrls, command: tuple[str, ...]
) -> None:
    """The sentence names the setting; a killed process frees its place at once."""
    keys = tmp_path / "keys"
    homes = [tmp_path / name for name in ("first", "second")]
    for home in homes:
        home.mkdir()
    settings = {"KEY_FILE": str(keys)}
    first, second = (
        PlayheadProcess(home, database=postgres_database, settings=settings) for home in homes
    )
    second.command = command

    async with first:
        with second.launch() as refused:
            code = await refused.ended()
        first.kill()
        second.command = SERVE
        async with second:
            pass

    assert ALREADY_RUNNING == code
    assert "set SYNC_PROCESSES=2 for all of them" in refused.printed
    assert "Traceback" not in refused.printed

"""Many defects at once: each keeps to its share, and the sum can still be explained."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from simulator.archives.defects import CLEAN, REALISTIC, WORST, Cause, Defects, Form
from simulator.archives.ledger import Ledger
from simulator.archives.writing import zipped
from simulator.world.world import World
from tests.simulator.archives_read import texts_in, torn_rows

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
WORLD = World(5, epoch=EPOCH)


def export_of(defects: Defects) -> tuple[bytes, Ledger]:
    """Return an export of one listener, and its ledger."""
    return zipped(WORLD, 3, until=EPOCH, defects=defects)


def test_switches_do_not_move_each_other() -> None:
    """What one defect hits it hits whatever else is on."""
    together = export_of(REALISTIC)[1]
    for name in ("no_uri", "null_offline", "split", "ms_differs", "renamed", "moved"):
        alone = export_of(replace(CLEAN, **{name: getattr(REALISTIC, name)}))[1]
        hit = [
            {
                (form, ledger.streams[row.ordinal].end_ms)
                for form in Form
                for row in ledger.podcasts[form]
                if Cause(name) in row.causes and ledger.streams[row.ordinal].tap is None
                if Cause.SPLIT not in row.causes or name == "split"
            }
            for ledger in (alone, together)
        ]

        assert hit[1] - hit[0] == set()
        assert len(hit[1]) >= 0.6 * len(hit[0]) > 0


def test_the_usual_mix_has_about_its_shares() -> None:
    """Over the streams of five listeners every switch hits as often as it says."""
    found: Counter[str] = Counter()
    streams = extended = account = offline = 0
    for listener in range(5):
        _, ledger = zipped(WORLD, listener, until=EPOCH, defects=replace(REALISTIC, music=0))
        streams += sum(it.tap is None for it in ledger.streams)
        offline += sum(it.offline and it.tap is None for it in ledger.streams)
        found.update(it.tap for it in ledger.streams if it.tap)
        extended += len(ledger.podcasts[Form.EXTENDED])
        account += len(ledger.podcasts[Form.ACCOUNT])
        found.update(
            cause
            for form in Form
            for row in ledger.podcasts[form]
            for cause in row.causes
            if cause not in {Cause.ZERO_MS, Cause.REPEATED_MINUTE}
        )

    assert streams > 2_500
    assert 0.07 == pytest.approx(found[Cause.ZERO_MS] / streams, abs=0.015)
    assert 0.025 == pytest.approx(found[Cause.REPEATED_MINUTE] / streams, abs=0.01)
    assert 0.01 == pytest.approx(found[Cause.NO_URI] / extended, abs=0.006)
    assert 0.15 == pytest.approx(found[Cause.BAD_TIMESTAMP] / extended, abs=0.02)
    assert 0.1 == pytest.approx(found[Cause.VIDEO_FILE] / extended, abs=0.03)
    assert 0.02 == pytest.approx(found[Cause.MOVED] / account, abs=0.01)
    assert 0.5 == pytest.approx(found[Cause.CLOCK_DRIFT] / offline, abs=0.15)


def test_an_import_can_be_scored() -> None:
    """With everything wrong at once, a form's readable time is truth less losses and deviations."""
    content, ledger = export_of(WORST)
    read: dict[Form, list[int]] = {form: [] for form in Form}
    for name, text in texts_in(content).items():
        for row in torn_rows(text):
            if row.get("podcastName"):
                read[Form.ACCOUNT].append(row["msPlayed"])
            elif row.get("episode_name"):
                read[Form.EXTENDED].append(row["ms_played"])
            else:
                assert "music" in name or "audiobook" in name or "Streaming_History" in name
    heard_ms = sum(it.ms for it in ledger.streams)

    for form in Form:
        rows = ledger.podcasts[form]
        off_ms = sum(it.ms - it.true_ms for it in rows)

        assert [it.ms for it in rows] == read[form]
        assert heard_ms == sum(read[form]) - off_ms + sum(ledger.lost(form).values())
    assert {it.ordinal for it in ledger.streams} == {it.ordinal for it in ledger.told(*Form)} | (
        {*ledger.lost(Form.ACCOUNT)} & {*ledger.lost(Form.EXTENDED)}
    )

"""Rows bound into the files of a download, with an account of what went where."""

from __future__ import annotations

import zipfile
from collections import Counter
from typing import TYPE_CHECKING

from simulator.archives.defects import Cause, Chances, Draw, Era, Form
from simulator.archives.layouts import AccountLayout, ExtendedLayout
from simulator.archives.ledger import FileFacts, kind_of
from simulator.archives.rows import Chapter, Row
from simulator.archives.telling import Loss
from simulator.world.instants import from_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from simulator.archives.homes import Home

_ROWS_A_FILE = {Form.ACCOUNT: 10_000, Form.EXTENDED: 15_000}
_ROWS_A_PIECE = 500
_FOLDERS = {
    (Form.ACCOUNT, Era.NEW): "Spotify Account Data",
    (Form.EXTENDED, Era.NEW): "Spotify Extended Streaming History",
    (Form.ACCOUNT, Era.OLD): "MyData",
    (Form.EXTENDED, Era.OLD): "MyData",
}


class Binder:
    """Puts rows into files of a zip and keeps account of them."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        *,
        home: Home,
        era: Era,
        until: datetime,
        chances: Chances,
    ) -> None:
        """Bind into `archive` for the listener of `home`, dated `until`."""
        self._archive = archive
        self._home = home
        self._era = era
        self._date = (until.year, until.month, until.day, until.hour, until.minute, until.second)
        self._chances = chances
        self.podcasts: dict[Form, list[Row]] = {}
        self.losses: list[Loss] = []
        self.counts: dict[Form, Counter[str]] = {}
        self.files: list[FileFacts] = []

    def bind(self, form: Form, podcasts: list[Row], others: list[Row], *, share_cut: float) -> None:
        """Write the history of a form; `share_cut` of its files, 0 to 1, end too early."""
        self.podcasts[form] = []
        self.counts[form] = Counter()
        if form is Form.ACCOUNT:
            self._bind_account(podcasts, others, share_cut=share_cut)
        else:
            self._bind_extended(podcasts, others, share_cut=share_cut)

    def add(self, form: Form, papers: Mapping[str, bytes]) -> None:
        """Write files that are no history, by name."""
        for name, content in papers.items():
            self._archive.writestr(self._info(form, name), content)

    def _bind_account(self, podcasts: list[Row], others: list[Row], *, share_cut: float) -> None:
        """Write a kind of content a file."""
        layout = AccountLayout()
        kinds = {
            "podcast": podcasts,
            "music": [row for row in others if not isinstance(row.content, Chapter)],
            "audiobook": [row for row in others if isinstance(row.content, Chapter)],
        }
        for kind, rows in kinds.items():
            for number, piece in enumerate(_files(rows, Form.ACCOUNT)):
                name = f"StreamingHistory_{kind}_{number}.json"
                self._history(Form.ACCOUNT, name, piece, text=layout.text, share_cut=share_cut)

    def _bind_extended(self, podcasts: list[Row], others: list[Row], *, share_cut: float) -> None:
        """Write everything in order of time, video apart in the new era."""
        layout = ExtendedLayout(self._home, self._era)
        every = podcasts + others
        for video in (False,) if self._era is Era.OLD else (False, True):
            rows = every if self._era is Era.OLD else [it for it in every if it.video == video]
            files = list(_files(rows, Form.EXTENDED))
            for number, piece in enumerate(files):
                name = self._extended_name(piece, number, video=video, alone=len(files) == 1)
                self._history(Form.EXTENDED, name, piece, text=layout.text, share_cut=share_cut)

    def _extended_name(self, rows: Sequence[Row], number: int, *, video: bool, alone: bool) -> str:
        if self._era is Era.OLD:
            return f"endsong_{number}.json"
        first, last = (from_ms(rows[place].end_ms).year for place in (0, -1))
        years = f"{first}" if first == last else f"{first}-{last}"
        if video:
            ending = "" if alone else f"_{number}"
            return f"Streaming_History_Video_{years}{ending}.json"
        return f"Streaming_History_Audio_{years}_{number}.json"

    def _history(
        self,
        form: Form,
        name: str,
        rows: list[Row],
        *,
        text: Callable[[Row], str],
        share_cut: float,
    ) -> None:
        """Write one history file, cut short by chance, and note what is in it."""
        whole = self._cut_at(rows, share_cut)
        info = self._info(form, name)
        with self._archive.open(info, "w") as member:
            member.write(b"[")
            for start in range(0, whole, _ROWS_A_PIECE):
                piece = ",\n".join(
                    text(row) for row in rows[start : min(start + _ROWS_A_PIECE, whole)]
                )
                member.write(f"{',' if start else ''}\n{piece}".encode())
            if whole < len(rows):
                torn = text(rows[whole])
                member.write(f"{',' if whole else ''}\n{torn[: len(torn) // 2]}".encode())
            else:
                member.write(b"\n]")
        self.files.append(FileFacts(info.filename, form, whole, int(whole < len(rows))))
        self._note(form, rows, whole)

    def _note(self, form: Form, rows: list[Row], whole: int) -> None:
        counts = self.counts[form]
        for row in rows[:whole]:
            counts[kind_of(row)] += 1
            if kind_of(row) == "podcast":
                self.podcasts[form].append(row)
        counts["broken"] += whole < len(rows)
        self.losses += [
            Loss(form, row.ordinal, row.true_ms, Cause.CUT_FILE)
            for row in rows[whole:]
            if kind_of(row) == "podcast"
        ]

    def _cut_at(self, rows: list[Row], share_cut: float) -> int:
        """Return how many whole rows a file keeps."""
        bits = self._chances.hit(Draw.CUT_FILE, rows[0].end_ms, share_cut)
        return len(rows) - 1 - (bits >> 1) % (len(rows) // 10 + 1) if bits else len(rows)

    def _info(self, form: Form, name: str) -> zipfile.ZipInfo:
        folder = _FOLDERS[form, self._era]
        info = zipfile.ZipInfo(f"{folder}/{name}", self._date)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info


def _files(rows: list[Row], form: Form) -> list[list[Row]]:
    """Return rows in order of their ends, as many to a file as the form puts there."""
    ordered = sorted(rows, key=lambda row: row.end_ms)
    size = _ROWS_A_FILE[form]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]

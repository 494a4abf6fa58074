"""The progress bars of a sync and an import, the same wherever one is watched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn


@contextmanager
def sync_progress(console: Console) -> Iterator[Callable[[int, int, int, int], None]]:
    """Show a bar while the block runs.

    Yields:
        A function to call with shows done, shows in all (0 while unknown), calls
        made and their cost in micro-dollars.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("shows · {task.fields[calls]} calls · ${task.fields[dollars]:.4f}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Syncing", total=None, calls=0, dollars=0.0)

        def show(done: int, total: int, calls: int, cost_micro: int) -> None:
            dollars = cost_micro / 1_000_000
            progress.update(bar, total=total or None, completed=done, calls=calls, dollars=dollars)

        yield show


@contextmanager
def import_progress(console: Console) -> Iterator[Callable[[int, int, int], None]]:
    """Show a bar while the block runs.

    Yields:
        A function to call with bytes of text read, bytes in all (0 while unknown), and
        episodes still to be merged (0 while reading).
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Reading", total=None)

        def show(done: int, total: int, left: int) -> None:
            words = "Reading"
            if done >= total > 0:
                words = f"Merging, {left:,} episodes left" if left else "Done"
            progress.update(bar, description=words, total=total or None, completed=done)

        yield show

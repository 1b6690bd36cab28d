"""The bar that says how far a large capture has been read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

__all__ = ["LARGE", "progress"]

LARGE = 16 << 20
"""Octets of a capture that takes long enough to be waited for."""


@contextlib.contextmanager
def progress(
    *, visible: bool, console: Console | None = None
) -> Generator[Callable[[int, int | None], None] | None]:
    """Give what a reader tells how far it is; a terminal shows it on standard error.

    Args:
        visible: whether nothing else is drawn meanwhile.
        console: what is drawn on; standard error.
    """
    console = console or Console(file=sys.stderr)
    if not visible or not console.is_terminal:
        yield None
        return
    shown = Progress(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # What is put there instead takes no octets; and nothing is said beside the bar.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = shown.add_task("", visible=False)

    def told(read: int, total: int | None) -> None:
        large = total is None or total >= LARGE
        shown.update(task, completed=read, total=total, visible=large)

    with shown:
        yield told

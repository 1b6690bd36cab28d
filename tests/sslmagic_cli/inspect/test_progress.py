"""progress.py: a bar where a person waits, and nothing anywhere else."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sslmagic_cli.inspect.progress import LARGE, progress


@pytest.mark.parametrize(("total", "drawn"), [(LARGE, True), (LARGE - 1, False)])
def test_a_large_capture_has_a_bar(total: int, *, drawn: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    with progress(visible=True, console=console) as told:
        assert told is not None
        told(total // 2, total)
    assert ("━" in screen.getvalue()) is drawn


@pytest.mark.parametrize(("visible", "terminal"), [(False, True), (True, False)])
def test_nobody_else_gets_one(*, visible: bool, terminal: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal)
    with progress(visible=visible, console=console) as told:
        assert told is None
    assert screen.getvalue() == ""

"""Statements timed as `timeit` times them, without a function call around each."""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable

__all__ = ["Seconds", "statement"]

Seconds = Callable[[int], float]
"""Runs an operation so many times and returns the seconds that it took."""


def statement(code: str, **names: object) -> Seconds:
    """Return how to time *code*, which may use *names*.

    The garbage collector stays on, as it is in a program and in Go.
    """
    timer = timeit.Timer(code, "gc.enable()", globals={"gc": gc, **names})
    return timer.timeit

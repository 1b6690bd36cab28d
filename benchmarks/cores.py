"""Which processor core does what: one for what is measured, another for the load."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from benchmarks.programs import program

__all__ = ["LOAD_CORE", "PROXY_CORE", "keep_to", "pinned"]

_CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = _CORES[0]
"""Where the proxy under measurement runs, alone."""
LOAD_CORE = _CORES[-1]
"""Where the load and the backend run, and the codecs."""


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """Return *command* so that it runs on one core."""
    return [program("taskset"), "--cpu-list", str(core), *command]


@contextlib.contextmanager
def keep_to(core: int) -> Iterator[None]:
    """Keep this process, and what it starts, to one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)

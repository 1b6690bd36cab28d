"""How much memory a process and those that it has started hold at most."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Memory", "measured"]

_INTERVAL = 0.1
"""Seconds between two looks."""


@dataclass(slots=True)
class Memory:
    """What was seen."""

    peak: int = 0
    """Octets of all processes together; pages that several share count once."""
    _looked: threading.Condition = field(default_factory=threading.Condition)

    def look(self, pid: int) -> None:
        """Look at a process and its descendants now."""
        held = sum(map(_held, _family(pid)))
        with self._looked:
            self.peak = max(self.peak, held)
            self._looked.notify_all()

    def wait_for_another_look(self) -> None:
        """Wait until somebody has looked."""
        with self._looked:
            self._looked.wait(60)


@contextlib.contextmanager
def measured(pid: int) -> Generator[Memory]:
    """Look at a process and its descendants until the block ends."""
    memory, done = Memory(), threading.Event()

    def watch() -> None:
        while not done.wait(_INTERVAL):
            memory.look(pid)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield memory
    finally:
        done.set()
        watching.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    # Gone meanwhile, or a kernel that does not say it.
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _family(int(child))


def _held(pid: int) -> int:
    """Octets of a process, of each shared page its part; 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0

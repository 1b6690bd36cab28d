"""Words for whoever operates a relay: one line each, escaped, at a bounded rate."""

from __future__ import annotations

import os
import select
import time
import traceback

__all__ = ["Log"]

_LONGEST = 400
"""Characters of a line: a peer chooses some of them."""


class Log:
    """Writes lines to a descriptor, and counts what it keeps back.

    Args:
        descriptor: where to; standard error by default.
        rate: lines per second in the long run, for lines that peers cause.
        burst: such lines at once.
    """

    def __init__(
        self, descriptor: int = 2, *, rate: float = 10.0, burst: int = 20
    ) -> None:
        self._descriptor = descriptor
        self._rate = rate
        self._burst = burst
        self._allowed = float(burst)
        self._since = time.monotonic()
        self._kept_back = 0
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)

    def say(self, line: str) -> None:
        """Write a line that only we cause."""
        text = "".join(
            character
            if character.isprintable()
            else character.encode("unicode_escape", "replace").decode("ascii")
            for character in line[:_LONGEST]
        )
        # Nobody may read any more, or read slowly; connections matter more than words
        # about them. A pipe that can be written to takes 4096 octets at once (pipe(7)),
        # and no escaped line is longer.
        if not self._room.poll(0):
            self._kept_back += 1
            return
        try:
            # One write, so that the lines of several workers do not mix.
            os.write(self._descriptor, f"magic: {text}\n".encode(errors="replace"))
        except OSError:
            self._kept_back += 1

    def fault(self, error: Exception) -> None:
        """Say where an exception that nobody expected comes from."""
        trace = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{step.name}:{step.lineno}" for step in reversed(trace))
        self.peer(f"a fault of ours: {type(error).__name__}: {error} ({where})")

    def peer(self, line: str) -> None:
        """Write a line that a peer causes, unless there were too many of them."""
        now = time.monotonic()
        self._allowed += (now - self._since) * self._rate
        self._allowed = min(self._allowed, self._burst)
        self._since = now
        if self._allowed < 1:
            self._kept_back += 1
            return
        self._allowed -= 1
        if self._kept_back:
            line = f"{line} (and {self._kept_back} more that are not shown)"
            self._kept_back = 0
        self.say(line)

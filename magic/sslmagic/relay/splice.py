"""Pipes through which the kernel moves bulk from one socket to another.

A pipe costs two descriptors, and up to its size of memory while the receiver is slow.
So a direction gets one when it has proved to be bulk, and gives it back when it rests.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Final

__all__ = ["FLAGS", "Pipe", "Pipes"]

FLAGS: Final = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
"""How `os.splice` is called on either end."""

_SIZE = 1 << 20
"""Octets a pipe may hold: the system's usual maximum without privileges."""


class Pipe:
    """One direction's pipe: `filled` octets are in it."""

    __slots__ = ("filled", "reader", "room", "writer")

    def __init__(self) -> None:
        """Make an empty pipe.

        Raises:
            OSError: there are no more descriptors.
        """
        self.filled = 0
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Above the user's share of pipe memory the kernel keeps it as small as it is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _SIZE)
        self.room: int = fcntl.fcntl(self.writer, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.reader)
        os.close(self.writer)


class Pipes:
    """The pipes of a worker, kept for the next direction that needs one.

    Args:
        spare: how many unused ones are kept.
        limit: how many there may be at a time, used or not: one slow reader may hold
            a whole pipe of memory.
    """

    def __init__(self, *, spare: int = 16, limit: int = 512) -> None:
        self._spare = spare
        self._left = limit
        self._unused: list[Pipe] = []
        self.lent = 0
        """How many are in use."""

    def lend(self) -> Pipe | None:
        """Return an empty pipe, or None if there can be no more."""
        if self._unused:
            self.lent += 1
            return self._unused.pop()
        if not self._left:
            return None
        try:
            pipe = Pipe()
        except OSError:
            return None
        self._left -= 1
        self.lent += 1
        return pipe

    def take_back(self, pipe: Pipe) -> None:
        """Keep a pipe that is empty for later, and close one that is not."""
        self.lent -= 1
        if pipe.filled or len(self._unused) >= self._spare:
            pipe.close()
            self._left += 1
        else:
            self._unused.append(pipe)

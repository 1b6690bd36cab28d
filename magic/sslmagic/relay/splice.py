"""Pipes through which the kernel moves bulk from one socket to another.

A pipe costs two descriptors, and up to its size of memory while the receiver is slow.
So a direction gets one when it has proved to be bulk, and gives it back when it rests.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Final

__all__ = ["Pipe", "Pipes"]

_FLAGS: Final = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_SIZE = 1 << 20
"""Octets a pipe may hold: the system's usual maximum without privileges."""


class Pipe:
    """One direction's pipe, between two sockets that do not block."""

    __slots__ = ("_reader", "_writer", "filled", "room")

    filled: int
    """Octets in it."""
    room: int
    """Octets that it may hold."""

    def __init__(self) -> None:
        """Make an empty pipe.

        Raises:
            OSError: there are no more descriptors.
        """
        self.filled = 0
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # Above the user's share of pipe memory the kernel keeps it as small as it is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, _SIZE)
        self.room = fcntl.fcntl(self._writer, fcntl.F_GETPIPE_SZ)

    def fill(self, source: int) -> int:
        """Move octets in from a socket; return how many, 0 at its end.

        Raises:
            BlockingIOError: the socket has none, or the pipe is full of small pieces;
                empty, it is the socket.
            OSError: the connection failed.
        """
        room = self.room - self.filled
        count = os.splice(source, self._writer, room, flags=_FLAGS)
        self.filled += count
        return count

    def drain(self, target: int) -> None:
        """Move octets out to a socket.

        Raises:
            BlockingIOError: it takes none.
            OSError: the connection failed.
        """
        self.filled -= os.splice(self._reader, target, self.filled, flags=_FLAGS)

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._reader)
        os.close(self._writer)


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

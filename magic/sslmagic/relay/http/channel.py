"""A connection of a conversation: what can be read, and what is not written yet."""

from __future__ import annotations

import select
from typing import Final

from sslmagic.relay.pair import End

__all__ = ["Channel"]

_READABLE: Final = (
    select.EPOLLIN
    | select.EPOLLRDHUP
    | select.EPOLLPRI
    | select.EPOLLERR
    | select.EPOLLHUP
)
_UNSURE: Final = _READABLE & ~select.EPOLLIN
"""With one of these a short read does not prove that nothing more is there."""


class Channel:
    """A connection that is watched edge-triggered.

    Args:
        end: the socket.
        unsent: what it must say first.
    """

    __slots__ = ("_readable", "_unsure", "end", "pending")

    def __init__(self, end: End, unsent: bytes = b"") -> None:
        self.end = end
        self.pending: bytes | memoryview = unsent
        """Octets that the peer has not taken yet."""
        self._readable = True
        self._unsure = False

    def tell(self, mask: int) -> None:
        """Take note of events."""
        if mask & _READABLE:
            self._readable = True
        if mask & _UNSURE:
            self._unsure = True

    def read(self) -> bytes | None:
        """Return what is there, b"" at the end of the stream, None if there is nothing.

        Raises:
            OSError: the peer has reset the connection.
        """
        if not self._readable:
            return None
        end = self.end
        server = end.server
        size = server.room[end.SIDE]
        try:
            count = end.recv_into(server.view, size)
        except BlockingIOError:
            self._readable = False
            return None
        end.moved += count
        if count < size and not self._unsure:
            self._readable = False
        return bytes(server.view[:count])

    def write(self, octets: bytes) -> None:
        """Say *octets*, and keep what the peer does not take now.

        Raises:
            OSError: the peer is gone.
        """
        if self.pending:
            self.pending = bytes(self.pending) + octets
            return
        if not octets:
            return
        try:
            sent = self.end.send(octets)
        except BlockingIOError:
            sent = 0
        if sent < len(octets):
            self.pending = memoryview(octets)[sent:]

    def flush(self) -> None:
        """Say what is pending, as far as the peer takes it.

        Raises:
            OSError: the peer is gone.
        """
        if self.pending:
            octets, self.pending = memoryview(self.pending), b""
            try:
                sent = self.end.send(octets)
            except BlockingIOError:
                sent = 0
            if sent < len(octets):
                self.pending = octets[sent:]

"""A connection that a worker owns: the socket itself, and what must be remembered.

Most connections are short, so that a system call saved for each of them shows:

    non-blocking mode   every call is made with MSG_DONTWAIT instead
    TCP_NODELAY         set before the second write; the first one never waits
    EPOLLOUT            asked for when there is something that could not be written
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import TYPE_CHECKING, Final

from sslmagic.relay.loop import CHANGES
from sslmagic.relay.seen import CLOSED, NAGLE, ROOM

if TYPE_CHECKING:
    from sslmagic.relay.server import VirtualServer

__all__ = ["AT_ONCE", "WITH_FIN", "Connection", "probe"]

AT_ONCE: Final = int(socket.MSG_DONTWAIT)
"""The flags of every call."""
WITH_FIN: Final = int(socket.MSG_DONTWAIT | socket.MSG_MORE)
"""The flags of a send that a FIN follows, so that both make one segment."""

_UNIX: Final = int(socket.AF_UNIX)
_SILENCE: Final = 300
"""Seconds before a peer is probed: what `Limits.timeout` is by default."""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER for 0 seconds: closing sends RST instead of FIN."""


def probe(connection: socket.SocketType) -> None:
    """Have the kernel find out whether a silent peer is still there.

    For what no timeout of ours ends. A listening socket hands it down to what it
    accepts.
    """
    if connection.family != _UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _SILENCE)


class Connection(socket.SocketType):
    """One connection, to a client or to a node.

    `socket.SocketType` is the socket without the conveniences of `socket.socket`: half
    the memory, and no Python code between a call and the kernel.
    """

    __slots__ = ("moved", "pending", "seen", "server")

    server: VirtualServer
    """The virtual server that the connection belongs to."""
    pending: bytes | memoryview
    """Octets that the peer has not taken yet."""
    seen: int
    """Events not used up yet, and how far either direction has got, as bits: see
    `sslmagic.relay.seen`."""
    moved: int
    """Octets received, whatever became of them."""

    def start(self, server: VirtualServer) -> None:
        """Fill in what a fresh connection begins with."""
        self.server = server
        self.pending = b""
        # A read of a UNIX socket also stops where somebody passed a descriptor: with
        # this bit no short read is taken for the end of what is there.
        self.seen = select.EPOLLHUP if self.family == _UNIX else 0
        self.moved = 0

    @property
    def closed(self) -> bool:
        """Whether it was given up; the descriptor may live a little longer."""
        return self.seen == CLOSED

    def drop(self) -> None:
        """Close in order; unread octets make it a reset."""
        self.seen = CLOSED
        self.server.loop.close(self)

    def reset(self) -> None:
        """Close with RST."""
        # A connection that is not there any more cannot be reset.
        with contextlib.suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.drop()

    def hurry(self) -> None:
        """Turn Nagle's algorithm off."""
        self.seen &= ~NAGLE
        # What is not connected any more says so when it is written to.
        with contextlib.suppress(OSError):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def keep(self, octets: bytes) -> None:
        """Keep octets that the peer does not take, until it does."""
        self.pending = octets
        self.watch_room()

    def watch_room(self) -> None:
        """Be told when there is room to write."""
        if not self.seen & ROOM:
            self.seen |= ROOM
            self.server.loop.change(self.fileno(), CHANGES)

"""A listening socket on a worker's loop.

All workers watch one listening socket, with EPOLLEXCLUSIVE so that a new connection
wakes one of them. A connection in its queue belongs to no worker yet: it waits for
whoever comes next when a worker ends. With a queue per worker (SO_REUSEPORT) the kernel
resets what a worker leaves in its own.
"""

from __future__ import annotations

import errno
import select
import socket
from typing import TYPE_CHECKING, Final, Protocol, cast

from sslmagic.relay import counters
from sslmagic.relay.connection import probe
from sslmagic.relay.pair import ClientEnd

if TYPE_CHECKING:
    from sslmagic.relay.address import SocketAddress
    from sslmagic.relay.loop import Loop
    from sslmagic.relay.server import VirtualServer

__all__ = ["Acceptor"]

_BATCH = 64
"""Connections accepted at a time, before those that are open have their turn."""
_PAUSE = 0.1
"""Seconds without accepting when there are no descriptors or buffers left."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


class _Accepting(Protocol):
    """What every socket has, and the stubs of the standard library leave out."""

    def _accept(self) -> tuple[int, SocketAddress]: ...


class Acceptor:
    """Accepts for a virtual server, and pauses when there is no room for more."""

    def __init__(
        self, loop: Loop, listening: socket.SocketType, server: VirtualServer
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._accepting = cast("_Accepting", listening)
        self._server = server
        # A number: the enumerations of the socket module cost a microsecond each.
        self._family = int(listening.family)
        self._watched = False
        self._ended = False
        self._local = _exact(listening)
        # The one ends joined clients, the other those that have yet to speak.
        if not (server.limits.timeout and server.limits.connect_timeout):
            probe(listening)
        server.listen(self)
        self.resume()

    def ready(self, mask: int) -> None:
        """Take in who waits, as many as there are or as get a turn."""
        del mask
        # First all of them, then each: what either part needs stays in the
        # processor's caches meanwhile.
        for descriptor, name in self._accept():
            self._serve(descriptor, name)

    def swept(self, now: float) -> None:
        """Do nothing: listening has no end."""

    def abort(self) -> None:
        """Do nothing: a fault with one client is no fault of the listener."""

    def pause(self) -> None:
        """Accept nobody until `resume`; clients wait in the kernel's queue."""
        if self._watched:
            self._watched = False
            self._loop.remove(self._listening.fileno())

    def resume(self) -> None:
        """Accept again."""
        if (
            not self._watched
            and not self._ended
            and self._server.live < self._server.most
        ):
            self._watched = True
            mask = select.EPOLLIN | select.EPOLLEXCLUSIVE
            self._loop.add(self._listening.fileno(), self, mask)

    def end(self) -> None:
        """Take in who waits already, and nobody after that."""
        while waiting := self._accept():
            for descriptor, name in waiting:
                self._serve(descriptor, name)
        self.pause()
        self._ended = True
        self._listening.close()

    def _accept(self) -> list[tuple[int, SocketAddress]]:
        """Return descriptors and names of some of those who wait."""
        server = self._server
        room = min(_BATCH, server.most - server.live)
        if room <= 0:
            server.counts[counters.FULL] += 1
            self.pause()
        # What `socket.socket.accept` calls, without the wrapper around it.
        accept = self._accepting._accept  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        accepted: list[tuple[int, SocketAddress]] = []
        try:
            while len(accepted) < room:
                accepted.append(accept())
        except BlockingIOError:
            pass
        except OSError as error:
            # The rest are errors of that one connection (accept(2), "Error handling").
            if error.errno in _EXHAUSTED:
                server.counts[counters.DESCRIPTORS] += 1
                self.pause()
                self._loop.after(_PAUSE, self.resume)
        return accepted

    def _serve(self, descriptor: int, name: SocketAddress) -> None:
        """Hand a client over to the virtual server."""
        server = self._server
        client = ClientEnd(self._family, _STREAM, 0, descriptor)
        if not server.frugal:
            client.setblocking(False)  # noqa: FBT003 - the socket module's signature
        client.start(server)
        server.counts[counters.ACCEPTED] += 1
        server.live += 1
        try:
            local = self._local or client.getsockname()
            server.accepted(client, name, local)
        except Exception as error:  # noqa: BLE001 - one client's fault
            server.fault(client, error)


def _exact(listening: socket.SocketType) -> SocketAddress | None:
    """Return the address that every client of a listener connected to, if it is one."""
    name: SocketAddress = listening.getsockname()
    if isinstance(name, tuple) and name[0] in {"0.0.0.0", "::"}:
        return None
    return name

"""The end of a client's connection: what was said last must still arrive.

    saying --(the client took it all)--> lingering --(its end, or 5 s)--> over
                       '--(nothing is on its way to us)--> over

Closing a connection on which octets still come in has the kernel reset it, and the
client loses what it has not read yet. So it is shut down for writing first, and what
comes in is thrown away for a few seconds.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sslmagic.relay import counters

if TYPE_CHECKING:
    from sslmagic.relay.http.channel import Channel
    from sslmagic.relay.http.server import HttpServer

__all__ = ["Farewell"]

_TURN = 16
"""Reads in a row, before others have their turn."""


class Farewell:
    """Takes a client over from its conversation, and is its last handler.

    Args:
        server: the virtual server.
        client: the client's connection, and what it has not taken yet.
        count: what to count if the client takes it.
        linger: whether octets of the client may still come in.
    """

    __slots__ = ("_active", "_client", "_count", "_linger", "_lingering", "_server")

    def __init__(
        self, server: HttpServer, client: Channel, count: int, *, linger: bool
    ) -> None:
        self._server = server
        self._client = client
        self._count = count
        self._linger = linger
        self._lingering = False
        self._active = server.loop.now

    def ready(self, mask: int) -> None:
        """Go on with what is left to do."""
        client = self._client
        if client.end.closed:
            return
        client.tell(mask)
        self._active = self._server.loop.now
        try:
            client.flush()
            if client.pending:
                return
            if self._linger:
                self._ignore()
            else:
                self._leave(self._count)
        except OSError:
            # The client has not waited for it.
            self._leave(counters.CLIENT_RESET)

    def swept(self, now: float) -> None:
        """End if the client takes nothing."""
        timeout = self._server.limits.timeout
        if timeout and now - self._active >= timeout:
            self._leave(counters.IDLE)

    def expired(self) -> None:
        """End: a client that still sends has had its time."""
        self._leave(self._count)

    def abort(self) -> None:
        """End at once."""
        self._leave(counters.ABORTED)

    def _ignore(self) -> None:
        client, server = self._client, self._server
        if not self._lingering:
            self._lingering = True
            client.end.shutdown(socket.SHUT_WR)
            server.lingering.add(self, server.loop.now)
        for _ in range(_TURN):
            octets = client.read()
            if octets is None:
                return
            if not octets:
                self._leave(self._count)
                return
        server.loop.again(self)

    def _leave(self, count: int) -> None:
        server, end = self._server, self._client.end
        if end.closed:
            return
        server.lingering.discard(self)
        server.counts[count] += 1
        server.counts[counters.OCTETS_UP] += end.moved
        end.drop()
        server.released()

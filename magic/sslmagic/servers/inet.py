"""InetListener: for servers that take every peer of a TCP port for an IP address.

203.0.113.9:51234 ──▶ ("203.0.113.9", 51234)
no client         ──▶ ("", 0)                   not "", which is a UNIX peer's
/run/app.sock     ──▶ ("/run/app.sock", 0)
"""

from __future__ import annotations

from sslmagic.listener import Connection, Listener, PeerName
from sslmagic.listener.peername import IPName, pair_name

__all__ = ["InetConnection", "InetListener"]


class InetListener(Listener):
    """A listener whose accept() and whose connections name every peer by a tuple.

    The name itself, a str where there is no address, is the connection's `peer_name`.
    """

    def prepared(self, connection: Connection) -> Connection:
        """Return the connection, which answers `getpeername` with a tuple."""
        if not isinstance(connection.peer_name, IPName):
            # Nothing but its answer differs, and it exists already.
            connection.__class__ = InetConnection
        return connection


class InetConnection(Connection):
    """A connection whose peer has no IP address."""

    __slots__ = ()

    def getpeername(self) -> PeerName:
        """Return the peer's name as the host of port 0."""
        return pair_name(self.peer_name)

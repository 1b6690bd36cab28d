"""cheroot's connections, each of which knows its client, and their requests."""

# pyright: standard
# cheroot's types are all Any.

from __future__ import annotations

import socket
from typing import Any

from cheroot import server

from sslmagic.headers import claims_forwarding
from sslmagic.listener import Listener
from sslmagic.listener.peername import IPName, PeerName

__all__ = ["ClientConnection", "NamingListener"]


class NamingListener(Listener):
    """A listener that says what cheroot takes for an address of any peer."""

    names: dict[int, PeerName]
    """Whose connections are, by descriptor, until cheroot has made its own of them.
    TLS keeps the descriptor, and not the name: an `ssl.SSLSocket` asks the kernel."""

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection, and its client as host and port."""
        connection, name = super().accept()
        self.names[connection.fileno()] = name
        return connection, _pair(name)


class _Request(server.HTTPRequest):
    """A request whose headers name no other client than its connection's."""

    def read_request_headers(self) -> bool:
        read: bool = super().read_request_headers()  # type: ignore[no-untyped-call]
        if self.conn.peer_name.preamble is not None:
            for name in [name for name in self.inheaders if claims_forwarding(name)]:
                del self.inheaders[name]
        return read


class ClientConnection(server.HTTPConnection):
    """A connection that knows its client."""

    RequestHandlerClass = _Request

    peer_name: PeerName
    """The client, with `.preamble` and `.peer` on it."""

    def __init__(self, server: Any, sock: Any, *makefile: Any) -> None:
        super().__init__(server, sock, *makefile)
        self.peer_name = server.names.pop(sock.fileno())
        # cheroot does the same again, though not on a UNIX socket.
        self.remote_addr, self.remote_port = _pair(self.peer_name)
        if self.peer_name.preamble is not None:
            # The kernel knows who runs the gateway, and that is not the client's user.
            self.peercreds_enabled = self.peercreds_resolve_enabled = False


def _pair(name: PeerName) -> tuple[str, int | None]:
    """Return host and port; a path, or nothing, is in the host's place."""
    return (name[0], name[1]) if isinstance(name, IPName) else (str(name), None)

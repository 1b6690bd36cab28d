"""socketserver of the standard library: any of its servers, whose peers are clients.

    server = receive(ThreadingTCPServer(address, Handler), trust=trust, ssl=context)
    server.serve_forever()  # the handlers' client_address is the client

With TLS the handshake is the handler's first read: in a threading server it holds up
nobody else, in any other everybody, as it does without a preamble.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Sequence
from ssl import SSLContext
from typing import Any, TypeVar

from sslmagic.listener import WAITING
from sslmagic.listener.peername import IPName, PeerName
from sslmagic.reception import DEADLINE
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.trust import Trust

__all__ = ["Handler", "Make", "Place", "Threads", "receive", "run", "serve"]

Server = TypeVar("Server", bound=socketserver.TCPServer)
Handler = Callable[[Any, Any, Any], socketserver.BaseRequestHandler]
"""Called with connection, client and server, as a `BaseRequestHandler` is."""
Place = tuple[Any, ...] | str
"""(host, port), or the path of a UNIX socket."""
Make = Callable[[Place, Handler], socketserver.TCPServer]
"""Makes a server that is bound and listens, as a server's class does."""

_LOG = logging.getLogger("sslmagic")


class Threads(socketserver.ThreadingMixIn):
    """A thread for each connection; a client that fails is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what a handler did wrong, and note what a client did."""
        if isinstance(error := sys.exception(), OSError):
            _LOG.debug("%s: %s", client_address, error)
        else:
            super().handle_error(request, client_address)  # type: ignore[misc]


def receive(
    server: Server,
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> Server:
    """Have *server* take its connections through a listener; return it.

    Args:
        server: bound and listening, as its class makes it by default.
        trust: which peers may speak for a client.
        ssl: with it connections are TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time.

    Raises:
        ConfigurationError: a limit is out of range.
    """
    return _receive(server, Entrance(trust, deadline=deadline, waiting=waiting), ssl)


def run(
    handler: Handler,
    address: Place,
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    server_class: Make | None = None,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> None:
    """Serve until interrupted.

    Args:
        handler: a `BaseRequestHandler`, or what makes one.
        address: (host, port), or the path of a UNIX socket.
        trust: which peers may speak for a client.
        ssl: with it connections are TLS.
        server_class: of the server; one with a thread for each connection by default.
        direct_listen: second addresses without preamble, with the same TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    serve(server_class or _threading, handler, address, entrance, ssl)


def serve(
    make: Make,
    handler: Handler,
    address: Place,
    entrance: Entrance,
    ssl: SSLContext | None,
) -> None:
    """Serve at *address*, and at the entrance's second ones, until interrupted.

    Raises:
        ConfigurationError: a limit of the entrance is out of range.
        OSError: an address cannot be had.
    """
    servers: list[socketserver.TCPServer] = []
    places = [(address, entrance)]
    places += [(place, entrance.direct) for place in entrance.direct_places()]
    try:
        for place, received in places:
            servers.append(make(place, handler))
            _receive(servers[-1], received, ssl)
        _serve_all(servers)
    finally:
        for server in servers:
            server.server_close()


def _receive(server: Server, entrance: Entrance, ssl: SSLContext | None) -> Server:
    if ssl is None:
        server.socket = entrance.listener(server.socket)
    else:
        server.socket = entrance.tls_listener(server.socket, ssl)
    # It selects before it accepts, and is readable for those it refuses as well.
    server.socket.settimeout(0)
    if server.address_family != socket.AF_UNIX:
        server.get_request = lambda: _request(server)  # type: ignore[method-assign]
    return server


def _request(server: socketserver.TCPServer) -> tuple[socket.socket, PeerName]:
    """Accept; a client without an address is a pair, as handlers of TCP expect it."""
    connection, name = server.socket.accept()
    if not isinstance(name, IPName):
        name = IPName((str(name), 0), name.preamble, name.peer)
    return connection, name


def _serve_all(servers: Sequence[socketserver.TCPServer]) -> None:
    main, *others = servers
    threads = [
        threading.Thread(target=server.serve_forever, daemon=True) for server in others
    ]
    for thread in threads:
        thread.start()
    try:
        main.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        for server, thread in zip(others, threads, strict=True):
            server.shutdown()
            thread.join()


class _TCPServer(Threads, socketserver.TCPServer):
    allow_reuse_address = True


class _TCP6Server(_TCPServer):
    address_family = socket.AF_INET6


class _UnixServer(Threads, socketserver.UnixStreamServer):
    pass


def _threading(place: Place, handler: Handler) -> socketserver.TCPServer:
    if isinstance(place, str):
        return _UnixServer(place, handler)
    kind = _TCP6Server if ":" in place[0] else _TCPServer
    return kind(place, handler)

"""socketserver of the standard library: any of its servers, whose peers are clients.

    server = receive(ThreadingTCPServer(address, Handler), trust=trust, ssl=context)
    server.serve_forever()  # the handlers' client_address is the client

With TLS the handshake is the handler's first read: in a threading server it holds up
nobody else, in any other everybody, as it does without a preamble.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import socketserver
import ssl as tls
import sys
import traceback
from collections.abc import Callable, Sequence
from ssl import SSLContext
from typing import Any, TypeVar

from sslmagic.listener import WAITING, Listener
from sslmagic.listener.peername import PeerName, pair_name
from sslmagic.preamble import UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import BACKLOG, Listening
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.resources import listening_on
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
_EVERY6 = "::"
_GONE = (BrokenPipeError, ConnectionAbortedError, ConnectionResetError)
"""What a client's going raises. Only whom a handler itself called refuses it."""


class Threads(socketserver.ThreadingMixIn):
    """Mixed into a server: a thread for each connection, and any place to listen.

    That is an IPv4 or IPv6 address, where ``::`` is every address of both families, or
    the path of a UNIX socket, which is there as long as the server.

    Raises:
        OSError: the place cannot be had.
    """

    address_family: int
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = BACKLOG
    server_address: Any
    server_name: str
    server_port: int

    def __init__(self, place: Place, handler: Handler) -> None:
        self._listening: Listening | None = None
        where = place if isinstance(place, str) else f"{place[0]}, port {place[1]}"
        with listening_on(where):
            self.address_family = _family(place)
            super().__init__(place, handler)  # type: ignore[call-arg]  # the server's

    def server_bind(self) -> None:
        """Bind; what HTTP calls this machine behind a UNIX socket is localhost."""
        self.socket: socket.socket
        if self.address_family == socket.AF_UNIX:
            self.socket.close()
            self._listening = Listening(Address.of(UnixEndpoint(self.server_address)))
            self.socket = self._listening.socket
            self.server_name, self.server_port = "localhost", 0
            return
        if self.address_family == socket.AF_INET6:
            only = self.server_address[0] != _EVERY6
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        super().server_bind()  # type: ignore[misc]  # the server's

    def server_close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.close()
        super().server_close()


def receive(
    server: Server,
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> Server:
    """Have *server* take its connections through a listener; return it.

    Its `handle_request` returns without a request also when a preamble has gone on
    arriving or a peer was refused.

    Args:
        server: bound and listening, as its class makes it by default.
        trust: which peers may speak for a client.
        ssl: with it connections are TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time.

    Raises:
        ConfigurationError: a limit is out of range.
    """
    entrance = Entrance(trust, deadline=deadline, waiting=waiting)
    return _receive(server, [_listener(entrance, server.socket, ssl)])


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
    serve(server_class or _TCPServer, handler, address, entrance, ssl)


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
    with contextlib.ExitStack() as closed:
        direct = entrance.direct_sockets(closed)
        for sock in direct:
            closed.callback(sock.close)
        server = closed.enter_context(make(address, handler))
        listeners = [_listener(entrance, server.socket, ssl)]
        closed.callback(listeners[0].close)
        for sock in direct:
            listeners.append(_listener(entrance.direct, sock, ssl))
            closed.callback(listeners[-1].close)
        _receive(server, listeners)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


class _Selected:
    """Stands for the socket of a server that selects before it accepts.

    Never waits in accept(): its listeners are readable for those they refuse as well.
    What else is asked of it is asked of the first listener.
    """

    def __init__(self, listeners: Sequence[Listener], *, timeout: float | None) -> None:
        self._listeners = {each.fileno(): each for each in listeners}
        self._first = listeners[0]
        self._timeout = timeout
        self._epoll: select.epoll | None = None
        if len(listeners) > 1:
            self._epoll = select.epoll()
            for descriptor in self._listeners:
                self._epoll.register(descriptor, select.EPOLLIN)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)

    def fileno(self) -> int:
        return (self._epoll or self._first).fileno()

    def accept(self) -> tuple[socket.socket, PeerName]:
        connection, name = self._ready().accept()
        # Handlers of TCP expect a pair.
        is_unix = self._first.family == socket.AF_UNIX
        return connection, name if is_unix else pair_name(name)

    def gettimeout(self) -> float | None:
        """How long `handle_request` selects."""
        return self._timeout

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  # as a socket has it
        self._timeout = None if flag else 0.0

    def close(self) -> None:
        if self._epoll is not None:
            self._epoll.close()
        for each in self._listeners.values():
            each.close()

    def _ready(self) -> Listener:
        if self._epoll is None:
            return self._first
        # The kernel takes turns between those that are ready.
        for descriptor, _ in self._epoll.poll(0, 1):
            return self._listeners[descriptor]
        raise BlockingIOError


def _listener(
    entrance: Entrance, sock: socket.socket, ssl: SSLContext | None
) -> Listener:
    if ssl is None:
        return entrance.listener(sock)
    return entrance.tls_listener(sock, ssl)


def _receive(server: Server, listeners: Sequence[Listener]) -> Server:
    selected = _Selected(listeners, timeout=listeners[0].gettimeout())
    for each in listeners:
        each.settimeout(0)
    server.socket = selected  # type: ignore[assignment]  # what it uses of a socket
    handle_error = server.handle_error

    def noted(request: Any, client_address: Any) -> None:
        if _is_clients(error := sys.exception(), request):
            _LOG.debug("%s: %s", client_address, error)
        else:
            handle_error(request, client_address)

    server.handle_error = noted  # type: ignore[method-assign]
    return server


def _is_clients(error: BaseException | None, connection: socket.socket) -> bool:
    """Return whether a connection failed by what its client did, which is no news.

    A handler has other files and connections, with TLS as well, whose errors are its
    own. TLS's tell which connection they are of. A plain socket's do not, so for these
    it is a guess: one of `_GONE` is taken for the client's where the connection has
    failed or ended both ways by now. Not told apart is a handler's own pipe or backend
    that broke (`BrokenPipeError`, `ConnectionResetError`) when the client had gone as
    well, or the handler had shut the connection down: it is said at level debug alone.
    Whatever a handler closed itself is printed, the client's doing too.
    """
    if isinstance(error, tls.SSLError):
        frames = traceback.walk_tb(error.__traceback__)
        return any(frame.f_locals.get("self") is connection for frame, _ in frames)
    if not isinstance(error, _GONE) or connection.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


def _family(place: Place) -> socket.AddressFamily:
    if isinstance(place, str):
        return socket.AF_UNIX
    if not place[0]:
        return socket.AF_INET
    host, port = place[:2]
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


class _TCPServer(Threads, socketserver.TCPServer):
    pass


if __name__ == "__main__":
    raise SystemExit(
        "magic: sslmagic.servers.socketserver has no command: call its run()"
    )

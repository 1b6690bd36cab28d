"""Tornado: its HTTP server, in one process or several, with its TLS and WebSockets.

Server(app, trust=…)                       as tornado.httpserver.HTTPServer
listen(app, 8443, trust=…)                 as Application.listen
run(app, 8443, trust=…, processes=4)       until SIGTERM or SIGINT

request.remote_ip                          the client's address; "" where none is
client(request).preamble                   what named the client; None if direct
client(request).peer                       the other end of the TCP connection
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any, cast

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.netutil import bind_sockets, bind_unix_socket

from sslmagic.errors import ConfigurationError
from sslmagic.headers import claims_forwarding
from sslmagic.listener import WAITING, Listener, PeerName
from sslmagic.listener.peername import IPName, plain_name
from sslmagic.reception import DEADLINE
from sslmagic.relay.listening import UnixFile
from sslmagic.servers.entrance import Addresses, Entrance, believes_headers
from sslmagic.servers.inet import InetListener
from sslmagic.servers.tornado_processes import (
    forked,
    loop_of_reload,
    reloads,
    until_told,
)
from sslmagic.trust import Trust

__all__ = ["Server", "client", "listen", "run"]

_BINDS = ("family", "backlog", "flags", "reuse_port")
_UNIX_BINDS = ("mode", "backlog")
"""Of `bind_sockets` and of `bind_unix_socket`."""


class Server(HTTPServer):
    """Tornado's server, which takes the preamble off each connection.

    `listen`, `bind` and `start`, `add_socket` and `add_sockets` are Tornado's own, and
    whichever process calls them has listeners of its own: fork before, as ever.

    On connections that had a preamble, requests have lost the headers that may name
    another client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded.

    Args:
        app: the application, or a callback for requests.
        trust: which peers may speak for a client.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        options: Tornado's own.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
    """

    # Tornado makes its servers by this and leaves __init__ empty.
    def initialize(  # type: ignore[override]  # what it has by position is optional
        self,
        request_callback: Any,
        *,
        trust: Trust,
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        **options: Any,
    ) -> None:
        """Make the server: see the class."""
        for name in ("xheaders", "trusted_downstream"):
            if options.get(name):
                raise believes_headers(name)
        self.entrance = Entrance(trust, deadline=deadline, waiting=waiting)
        self.ending = contextlib.ExitStack()
        super().initialize(request_callback, **options)

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Serve these listening sockets, an `InetListener` as it is.

        Raises:
            ConfigurationError: one is no stream socket, or a limit is out of range.
        """
        super().add_sockets([self._listener(sock) for sock in sockets])

    def stop(self) -> None:
        """Stop listening, and close `ending`; connections stay open."""
        with self.ending:
            super().stop()

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Return what takes the next request of a connection."""
        # HTTPServerRequest looks there too; Tornado has no other place for its client.
        context = cast("Any", request_conn).context
        name: IPName = context.address
        delegate = super().start_request(server_conn, request_conn)
        if name.preamble is None:
            return delegate
        # Behind a UNIX socket it is 0.0.0.0, whoever the client is.
        context.remote_ip = name[0]
        return _Introduction(delegate)

    def _listener(self, sock: socket.socket) -> Listener:
        if isinstance(sock, InetListener):
            return sock
        # What Tornado's own makes of a TCP peer is the first of a tuple.
        listener = self.entrance.listener(sock, InetListener)
        listener.setblocking(False)  # noqa: FBT003  # as a socket has it
        return listener


class _Introduction(HTTPMessageDelegate):
    """Passes a request on without the headers that may name its client."""

    def __init__(self, delegate: HTTPMessageDelegate) -> None:
        self._delegate = delegate

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        for name in list(headers):
            if claims_forwarding(name.encode("latin-1", "replace")):
                del headers[name]
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


def client(request: HTTPServerRequest) -> PeerName:
    """Return a request's client, named as `getpeername` would: its port is there too.

    The host is "" and the port 0 where there is no client. `preamble` and `peer` are
    on it. A request of any other server of Tornado's is from its peer.
    """
    name = cast("Any", request.connection).context.address
    return name if isinstance(name, IPName) else plain_name(name)


def listen(
    app: Any,
    port: int,
    address: str | None = None,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> Server:
    """Return a server that listens, as `Application.listen` does, with its options.

    Args:
        app: the application, or a callback for requests.
        port: 0 for one that the kernel chooses.
        address: None for every address of both families.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        options: Tornado's own, of the server and of `bind_sockets`.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    binds = {name: options.pop(name) for name in _BINDS if name in options}
    server = _server(app, entrance, options)
    with contextlib.ExitStack() as unfinished:
        unfinished.callback(server.stop)
        _add(server, *_bound(entrance, port, address, None, binds, server.ending))
        unfinished.pop_all()
    return server


def run(
    app: Any,
    port: int | None = None,
    address: str | None = None,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    path: str | os.PathLike[str] | None = None,
    processes: int | None = 1,
    max_restarts: int | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **options: Any,
) -> None:
    """Serve until SIGTERM or SIGINT.

    With several processes it returns in each of them, and the first waits for the
    others: when it ends, they do.

    Args:
        app: the application, or a callback for requests.
        port: 0 for one that the kernel chooses.
        address: None for every address of both families.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address and process.
        path: of a UNIX socket, instead of a port.
        processes: how many serve; None or 0 for one for each processor.
        max_restarts: how many that failed are replaced.
        loop_factory: makes the event loop; asyncio's own by default, and for an
            application with autoreload in one process the one on which it watches.
        options: Tornado's own, of the server and of `bind_sockets`, or beside a path of
            `bind_unix_socket`: `mode`, 0o600 by default, and `backlog`.

    Raises:
        ConfigurationError: an option cannot be had beside preambles, or beside a path.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    given = options.keys() & {*_BINDS, *_UNIX_BINDS}
    binds = {name: options.pop(name) for name in given}
    server = _server(app, entrance, options)
    with contextlib.ExitStack() as closed:
        sockets, direct = _bound(entrance, port, address, path, binds, closed)
        for sock in (*sockets, *direct):
            closed.callback(sock.close)
        parent = None
        if processes != 1:
            parent = forked(processes, max_restarts)
        elif loop_factory is None and reloads(app):
            loop_factory = loop_of_reload
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_serve(server, sockets, direct, parent))


def _server(app: Any, entrance: Entrance, options: dict[str, Any]) -> Server:
    return Server(
        app,
        trust=entrance.trust,
        deadline=entrance.deadline,
        waiting=entrance.waiting,
        **options,
    )


def _bound(
    entrance: Entrance,
    port: int | None,
    address: str | None,
    path: str | os.PathLike[str] | None,
    binds: dict[str, Any],
    ending: contextlib.ExitStack,
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the sockets of the first addresses, and those of the second ones.

    Their files are removed with *ending*.
    """
    if path is None:
        if port is None:
            raise ConfigurationError("neither a port nor a path to listen on")
        _refuse(binds.keys() - {*_BINDS}, "a path")
        sockets = bind_sockets(port, address, **binds)
    elif port is None:
        host = () if address is None else ("address",)
        _refuse([*host, *binds.keys() - {*_UNIX_BINDS}], "a port")
        sockets = [bind_unix_socket(os.fspath(path), **binds)]
    else:
        raise ConfigurationError("a port and a path: call run() for one of them")
    try:
        if path is not None and not os.fspath(path).startswith("\0"):
            ending.callback(UnixFile(Path(path)).remove)
        return sockets, entrance.direct_sockets(ending)
    except OSError:
        for sock in sockets:
            sock.close()
        raise


def _refuse(names: Collection[str], kind: str) -> None:
    if names:
        raise ConfigurationError(f"{', '.join(sorted(names))}: for {kind} only")


def _add(
    server: Server, sockets: list[socket.socket], direct: list[socket.socket]
) -> None:
    server.add_sockets(sockets)
    entrance = server.entrance.direct
    server.add_sockets([entrance.listener(sock, InetListener) for sock in direct])


async def _serve(
    server: Server,
    sockets: list[socket.socket],
    direct: list[socket.socket],
    parent: socket.socket | None,
) -> None:
    try:
        async with until_told(parent):
            _add(server, sockets, direct)
    finally:
        server.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    raise SystemExit("magic: sslmagic.servers.tornado has no command: call its run()")

"""websockets in threads: its own server, which takes preambles off.

    with serve(handler, "", 8443, trust=…, ssl=…) as server: server.serve_forever()
    with unix_serve(handler, path, trust=…) as server: …
    run(handler, "", 8443, trust=…)             until SIGTERM or SIGINT

    connection.remote_address                   the client, in the shape of getpeername
    connection.remote_address.preamble          what named it; None if it is direct
    connection.remote_address.peer              the other end of the TCP connection

Each connection has a thread, which does its TLS handshake too: whoever is silent there
keeps nobody waiting, and is gone after `open_timeout`.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import socket
import threading
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, cast

import websockets.sync.server
from websockets.sync.server import Server, ServerConnection

from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Listener
from sslmagic.preamble import UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.websockets import Process, introduced
from sslmagic.trust import Trust

__all__ = ["run", "serve", "unix_serve"]

Handler = Callable[[ServerConnection], None]

_OWN = frozenset(inspect.signature(websockets.sync.server.serve).parameters)
"""The options of websockets; all others are those of `socket.create_server`."""
_ENDS = (signal.SIGTERM, signal.SIGINT)


def serve(
    handler: Handler,
    host: str | None = None,
    port: int | None = None,
    *,
    trust: Trust,
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    ssl: SSLContext | None = None,
    process_request: Process | None = None,
    **options: Any,
) -> Server:
    """Return a server, as the library's own `serve` does, with its options.

    On connections that had a preamble, requests have lost the headers that may name
    another client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded.

    Args:
        handler: called with each connection, in a thread of its own.
        host: "" for every address.
        port: 0 for one that the kernel chooses.
        trust: which peers may speak for a client.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time.
        ssl: with it each connection's thread does TLS.
        process_request: as of websockets, called with what is left of the request.
        options: websockets' own, and those of `socket.create_server`.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: the address cannot be had.
    """
    entrance = Entrance(trust, deadline=deadline, waiting=waiting)
    options["process_request"] = introduced(process_request)
    sock = options.pop("sock", None)
    binds = {name: options.pop(name) for name in options.keys() - _OWN}
    if sock is None:
        sock = socket.create_server((host or "", port or 0), **binds)
    elif binds or host is not None or port is not None:
        raise ConfigurationError("sock= has its address and options already")
    return _server(entrance, sock, ssl, handler, options)


def unix_serve(
    handler: Handler,
    path: str | os.PathLike[str],
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    backlog: int | None = None,
    **options: Any,
) -> Server:
    """Return a server on a UNIX socket, as `serve` does on a port.

    Its file is removed when the server shuts down.
    """
    file = Listening(Address.of(UnixEndpoint(os.fspath(path))))
    if backlog is not None:
        file.socket.listen(backlog)
    try:
        server = serve(handler, trust=trust, ssl=ssl, sock=file.socket, **options)
    except BaseException:
        file.close()
        raise
    shutdown = server.shutdown

    def ends(*words: Any, **more: Any) -> None:
        file.close()
        shutdown(*words, **more)

    server.shutdown = ends  # type: ignore[method-assign]
    return server


def run(
    handler: Handler,
    host: str | None = None,
    port: int | None = None,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    path: str | os.PathLike[str] | None = None,
    **options: Any,
) -> None:
    """Serve until SIGTERM or SIGINT, and then until every handler has returned.

    SIGINT after that interrupts it.

    Args:
        handler: called with each connection, in a thread of its own.
        host: "" for every address.
        port: 0 for one that the kernel chooses.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        path: of a UNIX socket, instead of host and port.
        options: as of `serve`.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    with contextlib.ExitStack() as failed:
        ending = failed.enter_context(contextlib.ExitStack())
        direct = entrance.direct_sockets(ending)
        for sock in direct:
            failed.callback(sock.close)
        if path is None:
            servers = [serve(handler, host, port, **options, **_rules(entrance))]
        elif host is None and port is None:
            servers = [unix_serve(handler, path, **options, **_rules(entrance))]
        else:
            raise ConfigurationError("a port and a path: call run() for one of them")
        failed.callback(_end, servers[0])
        kept = {name: options[name] for name in options.keys() & _OWN - {"sock"}}
        rules = _rules(entrance.direct)
        for sock in direct:
            servers.append(serve(handler, sock=sock, **kept, **rules))
            failed.callback(_end, servers[-1])
        failed.pop_all()
    with ending:
        _until_told(servers)


def _rules(entrance: Entrance) -> dict[str, Any]:
    return {
        "trust": entrance.trust,
        "deadline": entrance.deadline,
        "waiting": entrance.waiting,
    }


def _server(
    entrance: Entrance,
    sock: socket.socket,
    ssl: SSLContext | None,
    handler: Handler,
    options: dict[str, Any],
) -> Server:
    listening = sock
    try:
        listening = (
            entrance.listener(sock) if ssl is None else entrance.tls_listener(sock, ssl)
        )
        # websockets ends when accept() raises, and waits for connections beforehand.
        listening.settimeout(None)
        return websockets.sync.server.serve(
            handler,
            sock=listening,
            ssl=None if ssl is None else cast("SSLContext", _Secured()),
            **options,
        )
    except BaseException:
        listening.close()
        raise


class _Secured:
    """Stands for a context that has wrapped the listening socket.

    websockets wraps that, and with it whatever is accepted, so that the preamble would
    be read as TLS. Told that it is wrapped, it has each connection's thread shake hands
    as ever, within `open_timeout`.
    """

    def wrap_socket(self, sock: Listener, **_: Any) -> Listener:
        return sock


def _end(server: Server) -> None:
    """Shut down a server that never served; by itself `shutdown` waits until it has."""
    server.socket.close()
    with contextlib.suppress(OSError, ValueError):
        server.serve_forever()
    server.shutdown()


def _until_told(servers: list[Server]) -> None:
    """Serve, each in a thread, until a signal; then shut down."""
    told, tell = socket.socketpair()

    def end(*_: object) -> None:
        tell.send(b".")

    before = {number: signal.signal(number, end) for number in _ENDS}

    def serves(server: Server) -> None:
        try:
            server.serve_forever()
        finally:
            tell.send(b".")

    threads = [threading.Thread(target=serves, args=[server]) for server in servers]
    with told, tell:
        try:
            for thread in threads:
                thread.start()
            told.recv(1)
        finally:
            signal.signal(signal.SIGINT, before[signal.SIGINT])
            for server in servers:
                server.shutdown()
            for thread in threads:
                thread.join()
            signal.signal(signal.SIGTERM, before[signal.SIGTERM])


if __name__ == "__main__":
    raise SystemExit(
        "magic: sslmagic.servers.websockets_sync has no command: call its run()"
    )

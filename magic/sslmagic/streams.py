"""asyncio and uvloop: servers that take the preamble off, whose peers are clients.

The loop does the TLS, on the socket that the preamble was taken off; `peername` and
`socket` of a transport are the client's, and so they stay after `start_tls`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain
from ssl import SSLContext
from typing import Any, Required, TypedDict, Unpack, cast

from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Listener
from sslmagic.loopserver import LoopServer
from sslmagic.reception import DEADLINE, Verifier
from sslmagic.trust import Trust

__all__ = ["Options", "Server", "create_server", "start_server"]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]
Factory = Callable[[], asyncio.BaseProtocol]
Hosts = str | Iterable[str] | None

LINE = 2**16
"""Octets that a stream's `readuntil` and `readline` go through: asyncio's default."""


class Options(TypedDict, total=False):
    """What both ways of starting a server take, by keyword."""

    trust: Required[Trust]
    """Which peers may speak for a client."""
    ssl: SSLContext | None
    """With it the loop does TLS, as the server."""
    deadline: float
    """Seconds that a connection has for its whole preamble."""
    waiting: int
    """Connections that may wait for it at a time, per address; beyond it the one that
    has waited longest is refused."""
    verifier: Verifier | None
    """Checks proofs; without one every proof is refused."""
    preamble_limit: int | None
    """The longest preamble in octets; None for each format's own limit."""
    sock: socket.socket | None
    """A bound socket to take over, instead of host and port."""
    family: int
    """AF_INET or AF_INET6 to listen on the host's addresses of that family only."""
    flags: int
    """For getaddrinfo; AI_PASSIVE by default."""
    backlog: int
    """Connections that the kernel queues for accept; 100 by default."""
    reuse_address: bool | None
    """Listen although old connections linger on the port; True by default."""
    reuse_port: bool | None
    """Let several processes listen on the port, and the kernel share them out."""
    ssl_handshake_timeout: float | None
    """Seconds for the TLS handshake; the loop's 60 by default."""
    ssl_shutdown_timeout: float | None
    """Seconds for the end of TLS; the loop's 30 by default."""
    start_serving: bool
    """False to accept only after `Server.start_serving`."""


async def start_server(
    handler: Handler,
    host: Hosts = None,
    port: int = 0,
    *,
    limit: int = LINE,
    **options: Unpack[Options],
) -> Server:
    """Start a server of streams, as `asyncio.start_server` does.

    `writer.get_extra_info("peername")` is the client, with `.preamble` on it.

    Args:
        handler: called with the reader and the writer of each connection.
        host: where to listen; None or "" for every address of both families.
        port: 0 for one that the kernel chooses.
        limit: octets that a reader buffers.
        options: see `Options`.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: the address cannot be had.
    """
    loop = asyncio.get_running_loop()

    def factory() -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        return asyncio.StreamReaderProtocol(reader, handler, loop=loop)

    return await create_server(factory, host, port, **options)


async def create_server(
    factory: Factory,
    host: Hosts = None,
    port: int = 0,
    **options: Unpack[Options],
) -> Server:
    """Start a server of protocols, as `loop.create_server` does.

    `transport.get_extra_info("peername")` is the client, with `.preamble` on it.

    Args:
        factory: returns a protocol for each connection.
        host: where to listen; None or "" for every address of both families.
        port: 0 for one that the kernel chooses.
        options: see `Options`.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: the address cannot be had.
    """
    listening = await _listening(host, port, options)
    listeners: list[Listener] = []
    servers: list[asyncio.AbstractServer] = []
    try:
        for sock in listening:
            listeners.append(_listener(sock, options))
            servers.append(await _server(listeners[-1], factory, options))
        server = Server(servers, listeners)
        if options.get("start_serving", True):
            await server.start_serving()
    except BaseException:
        for started in servers:
            started.close()
        for sock in (*listeners, *listening):
            sock.close()
        raise
    return server


class Server(asyncio.AbstractServer):
    """The servers of one or several addresses, as one: the interface of asyncio's.

    What each method does is what the loop's own server does.
    """

    def __init__(
        self, servers: Sequence[asyncio.AbstractServer], listeners: Sequence[Listener]
    ) -> None:
        self._servers = tuple(servers)
        self._listeners = tuple(listeners)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """One for each address, with its counters."""
        return self._listeners

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; nothing once closed."""
        return tuple(
            sock
            for server in self._servers
            for sock in cast("asyncio.Server", server).sockets
        )

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that serves."""
        return self._servers[0].get_loop()

    def is_serving(self) -> bool:
        """Return whether connections are accepted."""
        return all(server.is_serving() for server in self._servers)

    async def start_serving(self) -> None:
        """Start accepting, if that has not happened."""
        for server in self._servers:
            await server.start_serving()

    async def serve_forever(self) -> None:
        """Serve until cancelled, and close then."""
        try:
            await asyncio.gather(*(server.serve_forever() for server in self._servers))
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Stop accepting; connections stay open."""
        for server in self._servers:
            server.close()

    async def wait_closed(self) -> None:
        """Wait until the server is closed, and as long as the loop's own waits then."""
        for server in self._servers:
            await server.wait_closed()

    if sys.version_info >= (3, 13):

        def close_clients(self) -> None:
            """Close the connections."""
            for server in self._servers:
                server.close_clients()

        def abort_clients(self) -> None:
            """Close the connections at once, whatever is not yet sent."""
            for server in self._servers:
                server.abort_clients()


def _listener(sock: socket.socket, options: Options) -> Listener:
    return Listener(
        sock,
        trust=options["trust"],
        deadline=options.get("deadline", DEADLINE),
        waiting=options.get("waiting", WAITING),
        verifier=options.get("verifier"),
        limit=options.get("preamble_limit"),
    )


async def _server(
    listener: Listener, factory: Factory, options: Options
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    backlog = options.get("backlog", 100)
    tls: dict[str, Any] = {
        "ssl": options.get("ssl"),
        "ssl_handshake_timeout": options.get("ssl_handshake_timeout"),
        "ssl_shutdown_timeout": options.get("ssl_shutdown_timeout"),
    }
    if tls["ssl"] is None and any(value is not None for value in tls.values()):
        raise ConfigurationError("timeouts of TLS are only meaningful with ssl=")
    if not isinstance(loop, asyncio.SelectorEventLoop):
        return LoopServer(listener, factory, backlog=backlog, tls=tls)
    return await loop.create_server(
        factory, sock=listener, backlog=backlog, start_serving=False, **tls
    )


async def _listening(host: Hosts, port: int, options: Options) -> list[socket.socket]:
    """Return sockets bound to every address that these stand for, as asyncio does."""
    sock = options.get("sock")
    if sock is not None:
        if host is not None or port:
            raise ConfigurationError("sock= has its address already")
        return [sock]
    hosts = [host] if host is None or isinstance(host, str) else list(host)
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(
        *(
            loop.getaddrinfo(
                name or None,
                port,
                family=options.get("family", socket.AF_UNSPEC),
                type=socket.SOCK_STREAM,
                flags=options.get("flags", socket.AI_PASSIVE),
            )
            for name in hosts
        )
    )
    listening: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(chain(*found)):
            bound = _bound(family, kind, protocol, address, options)
            if bound is not None:
                listening.append(bound)
    except BaseException:
        for each in listening:
            each.close()
        raise
    if not listening:
        raise OSError(errno.EADDRNOTAVAIL, f"no address of {host!r} can be had")
    return listening


def _bound(
    family: int, kind: int, protocol: int, address: Any, options: Options
) -> socket.socket | None:
    try:
        listening = socket.socket(family, kind, protocol)
    except OSError:
        return None  # the family is switched off
    try:
        if options.get("reuse_address") in (None, True):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.get("reuse_port"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # IPv4 has its own socket: getaddrinfo gave both.
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None  # the family is switched off
        text = f"cannot listen on {address!r}: {error.strerror}"
        raise OSError(error.errno, text) from None
    except BaseException:
        listening.close()
        raise
    return listening

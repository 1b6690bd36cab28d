"""A server whose connections a listener accepts, on asyncio's event loop and uvloop's.

    Listener ──connection──▶ LoopServer ──in a context of its own──▶ protocol
                                          └─ CLIENT, whose it is

uvloop needs it because libuv listens on the descriptor itself and never calls accept();
and its transports cannot be told whom they are from, so that protocols see them through
a `ClientTransport`, which adds nothing to reading and writing. Frameworks need it
whose servers drop the preamble from the peer's name: `CLIENT` still has it.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from asyncio.trsock import TransportSocket
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from ssl import SSLContext
from typing import Any, cast

from sslmagic.listener import Listener, PeerName
from sslmagic.listener.connection import Connection

__all__ = ["CLIENT", "ClientTransport", "LoopServer", "teach"]

CLIENT: ContextVar[PeerName] = ContextVar("sslmagic.client")
"""The client of the connection in whose callbacks and tasks it is read."""


def teach(
    loop: asyncio.AbstractEventLoop,
    listener: Callable[[socket.socket], Listener | None] | None = None,
) -> None:
    """Let `loop.create_server` take a `Listener` as its *sock*.

    For servers that start theirs themselves; what it returns is a `LoopServer`.
    On uvloop `start_tls` then takes a `ClientTransport`, and returns one.

    Args:
        loop: not yet taught another *listener*.
        listener: called with every other *sock*; returns a listener that took it over,
            or None to leave it to the loop.
    """
    if loop not in _TAUGHT:
        _teach_create_server(loop)
        if not isinstance(loop, asyncio.SelectorEventLoop):
            _teach_start_tls(loop)
        _TAUGHT[loop] = None
    if listener is not None:
        _TAUGHT[loop] = listener


class LoopServer(asyncio.AbstractServer):
    """Serves one listener, as the loop's own server serves a listening socket.

    Args:
        listener: closed with the server.
        factory: returns a protocol for each connection.
        backlog: connections that the kernel queues for accept, and that are accepted
            in one go.
        tls: `ssl`, `ssl_handshake_timeout` and the like of `connect_accepted_socket`.
    """

    def __init__(
        self,
        listener: Listener,
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        backlog: int,
        tls: Mapping[str, Any],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._factory = factory
        self._backlog = backlog
        self._tls = tls
        self._serving = False
        self._closed = self._loop.create_future()
        self._forever: asyncio.Future[None] | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        self._introduces = not isinstance(self._loop, asyncio.SelectorEventLoop)
        listener.settimeout(0)
        teach(self._loop)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that serves."""
        return self._loop

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """The listener, or nothing once closed."""
        return () if self._closed.done() else (TransportSocket(self._listener),)

    def is_serving(self) -> bool:
        """Return whether connections are accepted."""
        return self._serving

    def close(self) -> None:
        """Stop accepting; connections stay open."""
        if self._closed.done():
            return
        if self._serving:
            self._loop.remove_reader(self._listener)
        self._serving = False
        self._listener.close()
        self._closed.set_result(None)
        if self._forever is not None:
            self._forever.cancel()

    async def start_serving(self) -> None:
        """Start accepting, if that has not happened."""
        if self._closed.done():
            raise RuntimeError(f"server {self!r} is closed")
        if not self._serving:
            self._listener.listen(self._backlog)
            self._loop.add_reader(self._listener, self._accept)
            self._serving = True

    async def serve_forever(self) -> None:
        """Serve until cancelled, and close then."""
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already serving forever")
        await self.start_serving()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._forever = None

    async def wait_closed(self) -> None:
        """Wait until the server is closed."""
        await asyncio.shield(self._closed)

    def _accept(self) -> None:
        for _ in range(self._backlog):
            if (connection := self._listener.ready()) is None:
                return
            # The loop keeps weak references to tasks only.
            task = self._loop.create_task(self._begin(cast("Connection", connection)))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: Connection) -> None:
        # In this task, and so in all that is called and started for the connection.
        CLIENT.set(connection.peer_name)
        factory = self._factory
        if self._introduces:
            factory = partial(_introduction, factory, connection)
        try:
            await self._loop.connect_accepted_socket(factory, connection, **self._tls)
        except Exception as error:  # noqa: BLE001  # the factory's too, as asyncio does
            connection.close()
            if self._loop.get_debug():
                self._loop.call_exception_handler(
                    {
                        "message": "Error on transport creation for"
                        " incoming connection",
                        "exception": error,
                    }
                )


class ClientTransport(asyncio.Transport):
    """A transport that answers with its client's name.

    Args:
        transport: the loop's own.
        connection: the socket that it is made of.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        super().__init__()
        self.transport = transport
        self.connection = connection
        # The bound methods themselves: a call costs what it cost before.
        own = vars(self)
        for name in _methods(type(transport)):
            own[name] = getattr(transport, name)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection; its peer is the client."""
        if name == "peername":
            return self.connection.getpeername()
        if name == "socket":
            return TransportSocket(self.connection)
        return self.transport.get_extra_info(name, default)


class _Introduction(asyncio.Protocol):
    """Gives a protocol its named transport, and leaves."""

    def __init__(self, protocol: asyncio.BaseProtocol, connection: Connection) -> None:
        self._protocol = protocol
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        own = cast("asyncio.Transport", transport)
        own.set_protocol(self._protocol)
        self._protocol.connection_made(ClientTransport(own, self._connection))


def _introduction(
    factory: Callable[[], asyncio.BaseProtocol], connection: Connection
) -> _Introduction:
    return _Introduction(factory(), connection)


def _methods(transport: type[asyncio.Transport]) -> tuple[str, ...]:
    if (names := _METHODS.get(transport)) is None:
        names = _METHODS[transport] = tuple(
            name
            for name in dir(transport)
            if name[0] != "_"
            and name != "get_extra_info"
            and callable(getattr(transport, name))
        )
    return names


_METHODS: dict[type[asyncio.Transport], tuple[str, ...]] = {}
_TAUGHT: weakref.WeakKeyDictionary[
    asyncio.AbstractEventLoop, Callable[[socket.socket], Listener | None] | None
] = weakref.WeakKeyDictionary()


def _teach_create_server(loop: asyncio.AbstractEventLoop) -> None:
    original: Callable[..., Awaitable[asyncio.AbstractServer]] = loop.create_server

    async def create_server(
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: Any = None,
        *,
        sock: socket.socket | None = None,
        backlog: int = 100,
        start_serving: bool = True,
        **options: Any,
    ) -> asyncio.AbstractServer:
        listener = _TAUGHT[loop]
        if sock is not None and listener is not None and type(sock) is socket.socket:
            sock = listener(sock) or sock
        if not isinstance(sock, Listener):
            return await original(
                protocol_factory,
                host,
                port,
                sock=sock,
                backlog=backlog,
                start_serving=start_serving,
                **options,
            )
        tls = {name: options[name] for name in _TLS if options.get(name) is not None}
        server = LoopServer(sock, protocol_factory, backlog=backlog, tls=tls)
        if start_serving:
            await server.start_serving()
        return server

    loop.create_server = create_server  # type: ignore[method-assign, assignment]


_TLS = ("ssl", "ssl_handshake_timeout", "ssl_shutdown_timeout")


def _teach_start_tls(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop's `start_tls` take a `ClientTransport`, and return one for it.

    uvloop reads the fields of its own transports there and takes no other kind; and
    what it returns for one of them would have the gateway's name again.
    """
    original: Callable[..., Awaitable[asyncio.Transport | None]] = loop.start_tls

    async def start_tls(
        transport: asyncio.WriteTransport,
        protocol: asyncio.BaseProtocol,
        sslcontext: SSLContext,
        **options: Any,
    ) -> asyncio.Transport | None:
        if not isinstance(transport, ClientTransport):
            return await original(transport, protocol, sslcontext, **options)
        secured = await original(transport.transport, protocol, sslcontext, **options)
        if secured is None:
            return None
        return ClientTransport(secured, transport.connection)

    loop.start_tls = start_tls  # type: ignore[method-assign]

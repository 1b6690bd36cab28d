"""Port: a port of Twisted's whose connections a listener accepts.

Twisted's own port keeps the socket, its path and its factory; it no longer reads. What
reads instead are the listeners, and the transports are Twisted's own, whose `getPeer`
is the client: TLS, which the port's factory brings, begins behind the preamble.
"""

# pyright: standard
# Twisted's types are incomplete where transports meet sockets.

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import socket
from collections.abc import Iterable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IListeningPort, IReadDescriptor
from twisted.logger import Logger
from zope.interface import directlyProvides, implementer, providedBy

from sslmagic.errors import ConfigurationError
from sslmagic.headers import claims_forwarding
from sslmagic.listener import Listener
from sslmagic.listener.connection import Connection
from sslmagic.listener.peername import IPName
from sslmagic.servers.entrance import Entrance
from sslmagic.servers.twisted.address import client_address

__all__ = ["Port", "Transport", "UnixTransport"]

_TURN = 100
"""Connections accepted in one go: as many as Twisted's own port does."""

_log = Logger()


class _Client:
    """Mixed into a transport: whose it is."""

    def __init__(self, *arguments: Any) -> None:
        # Once, because Twisted drops the socket before it tells the protocol the end.
        self._peer = client_address(arguments[0].peer_name)
        super().__init__(*arguments)

    def getPeer(self) -> Any:  # noqa: N802  # Twisted's name
        """Return the client's address, with `.preamble` and `.peer` on it."""
        return self._peer


class Transport(_Client, tcp.Server):
    """A TCP connection of a client."""

    def getHost(self) -> Any:  # noqa: N802  # Twisted's name
        """Return the address that was connected to, here."""
        # Twisted's own takes it for one of the client's family; and a second address
        # need not be of the port's.
        here = self.socket.getsockname()
        kind = IPv4Address if len(here) == 2 else IPv6Address
        return kind("TCP", *here)


class UnixTransport(_Client, unix.Server):
    """A UNIX connection, of a client that need not be."""


@implementer(IListeningPort)
class Port:
    """Takes over from a port of Twisted's that has begun to listen.

    Args:
        port: of TCP or UNIX; it must not have accepted anything.
        entrance: how connections are received.

    Raises:
        ConfigurationError: the port is of another kind.
    """

    def __init__(self, port: Any, entrance: Entrance) -> None:
        if not isinstance(port, tcp.Port):
            raise ConfigurationError(f"{port!r} does not listen at TCP or UNIX sockets")
        self.port: Any = port
        self.port.stopReading()
        self._ending = contextlib.ExitStack()
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self._ending.close)
            # Twisted's port closes its descriptor, so the listener has one of its own.
            own = socket.socket(fileno=os.dup(self.port.fileno()))
            unfinished.callback(own.close)
            places = [(entrance, own)]
            for sock in entrance.direct_sockets(self._ending):
                unfinished.callback(sock.close)
                places.append((entrance.direct, sock))
            self._readers: list[_Reader] = []
            for each, sock in places:
                listener = each.listener(sock)
                unfinished.callback(listener.close)
                self._readers.append(_Reader(self, listener))
            unfinished.pop_all()
        self.startListening()

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """What accepts: the port's own first, then those of the second addresses."""
        return tuple(reader.listener for reader in self._readers)

    def startListening(self) -> None:  # noqa: N802  # Twisted's name
        """Accept connections; done already."""
        for reader in self._readers:
            self.port.reactor.addReader(reader)

    def stopListening(self) -> Any:  # noqa: N802  # Twisted's name
        """Stop accepting; returns a Deferred, fired when the port is closed."""
        self.close()
        return self.port.stopListening()

    def getHost(self) -> Any:  # noqa: N802  # Twisted's name
        """Return where it listens."""
        return self.port.getHost()

    def close(self) -> None:
        """Close the listeners."""
        with self._ending:
            for reader in self._readers:
                self.port.reactor.removeReader(reader)
                reader.listener.close()

    def lost(self, reason: Any) -> None:
        """Take note that the reactor has ended, as Twisted's port would."""
        self.close()
        if self.port.connected:
            self.port.connectionLost(reason)


@implementer(IReadDescriptor)
class _Reader:
    """What the reactor watches of one listener."""

    _numbers = itertools.count()

    def __init__(self, port: Port, listener: Listener) -> None:
        listener.setblocking(False)  # noqa: FBT003  # as a socket has it
        self._port = port
        self.listener = listener

    def fileno(self) -> int:
        return self.listener.fileno()

    def logPrefix(self) -> str:  # noqa: N802  # Twisted's name
        return "sslmagic"

    def doRead(self) -> None:  # noqa: N802  # Twisted's name
        for _ in range(_TURN):
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            assert isinstance(connection, Connection)
            try:
                self._begin(connection)
            except Exception:  # noqa: BLE001  # a protocol's; the port serves the others
                _log.failure("a connection could not be begun")

    def connectionLost(self, reason: Any) -> None:  # noqa: N802  # Twisted's name
        self._port.lost(reason)

    def _begin(self, connection: Connection) -> None:
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(connection.close)
            port, name = self._port.port, connection.peer_name
            protocol = port.factory.buildProtocol(client_address(name))
            if protocol is None:
                return
            if name.preamble is not None:
                _believe_no_headers(protocol)
            number = next(self._numbers)
            kind: Any = Transport
            whose: Any = name if isinstance(name, IPName) else (str(name), 0)
            if connection.family == socket.AF_UNIX:
                kind, whose = UnixTransport, str(name)
            transport = kind(connection, protocol, whose, port, number, port.reactor)
            unfinished.pop_all()
        try:
            protocol.makeConnection(transport)
        except BaseException:
            # The reactor watches it, and must hear that it ends: it would take a later
            # connection with the same descriptor for this one.
            transport.abortConnection()
            raise


def _believe_no_headers(protocol: Any) -> None:
    """Have what makes a protocol's requests, if it is twisted.web's, remove headers."""
    for each in wrapped(protocol, "wrappedProtocol"):
        factory = getattr(each, "requestFactory", None)
        if factory is not None:
            each.requestFactory = _requests(factory)


def _requests(factory: Any) -> Any:
    @functools.wraps(factory, updated=())
    def requests(*arguments: Any, **options: Any) -> Any:
        request = factory(*arguments, **options)
        # Before its body is received, and again, because HTTP/2 says that as soon as a
        # header tells the body's length, others to come.
        for name in ("gotLength", "requestReceived"):
            setattr(request, name, _stripped(request, getattr(request, name)))
        return request

    # Whether requests of this kind can be queued.
    directlyProvides(requests, providedBy(factory))
    return requests


def _stripped(request: Any, method: Any) -> Any:
    def stripped(*arguments: Any) -> Any:
        headers = request.requestHeaders
        for name in [name for name, _ in headers.getAllRawHeaders()]:
            if claims_forwarding(name):
                headers.removeHeader(name)
        return method(*arguments)

    return stripped


def wrapped(outer: Any, attribute: str) -> Iterable[Any]:
    """Return a protocol or factory and what it wraps, however deep."""
    while outer is not None:
        yield outer
        outer = getattr(outer, attribute, None)

"""The node behind real gateways: the second reader takes the preamble off, or we do."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from typing import Any, NamedTuple, Self

from sslmagic import Trust, sockets
from tests.interop.peers import Address
from tests.vectors.second.octets import Refused
from tests.vectors.second.reader import decode

__all__ = ["Backend", "Library", "Met"]

_PATIENCE = 10.0
_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"


class Met(NamedTuple):
    """What a node's own socket says of a connection."""

    peer: Address
    preamble: Any
    """What the second reader reads in the octets; None if it is not asked."""
    client: Address | None = None
    """Whom the library takes for the client, where it is asked."""


class Backend:
    """Accepts connections one at a time, and answers each request.

    Args:
        address: where to listen.
        format: of the preamble; None if none is expected.
        context: for TLS behind it; None for HTTP in clear.
    """

    def __init__(
        self, address: Address, format: str | None, context: ssl.SSLContext | None
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._listener = socket.create_server(address, family=family)
        self.address = address
        self._format, self._context = format, context
        self._met: queue.SimpleQueue[Met] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def met(self, count: int) -> list[Met]:
        """Return so many connections, once they have ended."""
        return [self._met.get(timeout=_PATIENCE) for _ in range(count)]

    def close(self) -> None:
        """Accept no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            connection.settimeout(_PATIENCE)
            with connection:
                preamble, rest = self._preamble(connection)
                with contextlib.suppress(OSError, ssl.SSLError):
                    self._answer(connection, rest)
            self._met.put(Met(peer[:2], preamble))

    def _preamble(self, connection: socket.socket) -> tuple[Any, bytes]:
        octets = b""
        while self._format is not None:
            octets += connection.recv(65536)
            try:
                said = decode(octets, self._format)
            except Refused as refusal:
                if refusal.reason != "truncated":
                    raise
            else:
                del said["rest_length"]
                return said, octets[said["length"] :]
        return None, b""

    def _answer(self, connection: socket.socket, rest: bytes) -> None:
        if self._context is None:
            while b"\r\n\r\n" not in rest:
                if not (more := connection.recv(65536)):
                    return
                rest += more
            connection.sendall(_ANSWER)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(rest)
        end = self._context.wrap_bio(incoming, outgoing, server_side=True)
        for step in (end.do_handshake, lambda: end.read(65536), self._said(end)):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    self._flush(connection, outgoing)
                    if not (more := connection.recv(65536)):
                        return
                    incoming.write(more)
                except ssl.SSLError:
                    self._flush(connection, outgoing)
                    raise
            self._flush(connection, outgoing)
        # Whoever asked closes first: a reset would lose the answer.
        while connection.recv(65536):
            pass

    @staticmethod
    def _said(end: ssl.SSLObject) -> Any:
        return lambda: end.write(_ANSWER)

    @staticmethod
    def _flush(connection: socket.socket, outgoing: ssl.MemoryBIO) -> None:
        if octets := outgoing.read():
            connection.sendall(octets)


class Library:
    """A server on `sslmagic.sockets`: as `Backend`, for one client after the other."""

    def __init__(self, address: Address, format: str, context: ssl.SSLContext) -> None:
        trust = Trust(["192.0.2.0/24", "2001:db8:b::/64"], formats=format)
        self._listener = sockets.listen(address, trust=trust, ssl=context)
        self.address = address
        self._met: queue.SimpleQueue[Met] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def met(self, count: int) -> list[Met]:
        """Return so many connections, once they have ended."""
        return [self._met.get(timeout=_PATIENCE) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join(_PATIENCE)
        self._listener.close()

    def _serve(self) -> None:
        for _ in range(2):
            connection, client = self._listener.accept()
            connection.settimeout(_PATIENCE)
            with connection:
                connection.recv(65536)
                connection.sendall(_ANSWER)
                with contextlib.suppress(OSError):
                    while connection.recv(65536):
                        pass
            # Of TCP, both are addresses; on a UNIX socket they would be text.
            name: Any = client
            self._met.put(Met(name.peer[:2], None, name[:2]))

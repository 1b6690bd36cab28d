"""The wire between the gateway and the backend, and somebody who looks at it."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from sslmagic import Endpoint

__all__ = ["Wire"]

_KEPT = 4096
"""Octets of each connection that are remembered: preamble and ClientHello."""
_PATIENCE = 10.0
"""Seconds after which a connection that says nothing is given up."""


class Wire:
    """Passes every octet on to *node* and remembers the first ones of each connection.

    It stands between the two, so that what is shown is what was sent, and that "the
    backend heard nothing" is seen where it would have passed.
    """

    def __init__(self, node: Endpoint) -> None:
        self._node = node
        self._listener = socket.create_server((node.host, 0))
        self._accepting = threading.Thread(target=self._accept)
        self.connections: list[bytes] = []
        """What the gateway sent first, in the order of its connections."""

    @property
    def address(self) -> Endpoint:
        """Where the gateway is told that the backend is."""
        return Endpoint(*self._listener.getsockname()[:2])

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Wakes the accept() that is waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                gateway, _ = self._listener.accept()
            except OSError:
                return
            at = len(self.connections)
            self.connections.append(b"")
            threading.Thread(target=self._relay, args=[gateway, at]).start()

    def _relay(self, gateway: socket.socket, at: int) -> None:
        with gateway, socket.create_connection(self._node, _PATIENCE) as node:
            gateway.settimeout(_PATIENCE)
            back = threading.Thread(target=_pass, args=[node, gateway])
            back.start()
            with contextlib.suppress(OSError):
                while octets := gateway.recv(65536):
                    seen = self.connections[at]
                    self.connections[at] = seen + octets[: _KEPT - len(seen)]
                    node.sendall(octets)
            _finish(node)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
    _finish(target)


def _finish(stream: socket.socket) -> None:
    with contextlib.suppress(OSError):
        stream.shutdown(socket.SHUT_WR)

"""A node that keeps the octets that arrive, and answers nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.interop.client import PATIENCE
from tests.interop.peers import Address

__all__ = ["Capture"]


class Capture:
    """Listens in place of a backend."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._listener.settimeout(PATIENCE)
        self.address: Address = self._listener.getsockname()[:2]

    def octets(self, enough: Callable[[bytes], bool]) -> bytes:
        """The octets of the next connection, until there are enough or it ends."""
        connection, _ = self._listener.accept()
        octets = b""
        with connection:
            connection.settimeout(PATIENCE)
            while not enough(octets):
                try:
                    part = connection.recv(65536)
                except ConnectionResetError:
                    # HAProxy's health checks end so.
                    break
                if not part:
                    break
                octets += part
        return octets

    def close(self) -> None:
        self._listener.close()

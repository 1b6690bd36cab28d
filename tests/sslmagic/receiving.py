"""What the tests of the receiving side share: octets, trust, clients, a verifier."""

from __future__ import annotations

import gc
import socket
import struct
from pathlib import Path

from sslmagic import Endpoint, Preamble, ProofError, Trust, UnixEndpoint, encode
from sslmagic.hello import starts_client_hello
from sslmagic.wire import Frame

__all__ = [
    "CLIENT",
    "DESTINATION",
    "LOOPBACK",
    "OCTETS",
    "PATIENCE",
    "PREAMBLE",
    "HelloVerifier",
    "connect",
    "ended",
    "listening",
    "open_descriptors",
    "reset",
    "settled_descriptors",
]

PATIENCE = 10.0
"""Seconds that anything may take before a test fails."""

CLIENT = ("203.0.113.9", 51234)
DESTINATION = ("198.51.100.2", 443)
PREAMBLE = Preamble(source=CLIENT, destination=DESTINATION)
OCTETS = encode(PREAMBLE, "magic")
LOOPBACK = Trust(peers=["127.0.0.0/8", "::1", "unix"])


class HelloVerifier:
    """A stand-in for proof: must see a ClientHello's octets behind the preamble."""

    def __init__(self, bound: int = 2048) -> None:
        self._bound = bound
        self.seen: list[bytes] = []

    def bound(self, frame: Frame, peer: Endpoint | UnixEndpoint) -> int:
        return self._bound

    def verify(
        self, frame: Frame, bound: bytes, peer: Endpoint | UnixEndpoint, now: float
    ) -> None:
        if starts_client_hello(bound) is not True:
            raise ProofError("no ClientHello")
        self.seen.append(bound)


def listening(host: str = "127.0.0.1") -> socket.socket:
    """A listening TCP socket on a port that the kernel chose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, backlog=1024)


def connect(listener: socket.socket, octets: bytes = b"") -> socket.socket:
    """A client of the listener that has sent these octets."""
    client = socket.socket(listener.family, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect(listener.getsockname())
    if listener.family != socket.AF_UNIX:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(octets)
    return client


def open_descriptors() -> set[str]:
    """The numbers of this process, so that what is left open shows."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def settled_descriptors() -> set[str]:
    """The same, when those are gone that tests before have left to the collector.

    It may come at any time, and would close in the midst of a test what was open before
    it. What the test itself leaves behind is not collected so.
    """
    gc.collect()
    return open_descriptors()


def ended(client: socket.socket) -> bool:
    """Whether the server ended this connection without an octet; waits for it."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def reset(client: socket.socket) -> None:
    """Closes the client in a way that the server sees as a failure."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()

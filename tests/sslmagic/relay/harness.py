"""A worker in a thread, and the plain sockets on either side of it.

Every wait ends after `PATIENCE` seconds, and none of them is a sleep: sockets have a
timeout, and `Running.until` is told by the worker's own loop.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.counters import Counters
from sslmagic.relay.limits import Limits
from sslmagic.relay.listening import Listening
from sslmagic.relay.log import Log
from sslmagic.relay.loop import Loop
from sslmagic.relay.passthrough import Passthrough
from sslmagic.relay.sender import Gateway
from sslmagic.relay.server import VirtualServer
from sslmagic.relay.worker import Worker

PATIENCE = 20.0
HELLO = bytes.fromhex("160301000501000001 03".replace(" ", "")) + b"\x03"
"""The shape of a ClientHello: a handshake record, and a first message of type 1."""
LOCALHOST = Endpoint("127.0.0.1", 0)

Build = Callable[[Worker], VirtualServer]


class Running:
    """A virtual server that serves in a thread until the block is left."""

    def __init__(
        self,
        build: Build,
        *,
        listen: Endpoint | UnixEndpoint = LOCALHOST,
        defer: bool = False,
        backlog: int = 128,
        sweep: float = 0.05,
    ) -> None:
        self.counters = Counters(1)
        self.words, self._said = os.pipe2(os.O_NONBLOCK)
        log = Log(self._said)
        self.worker = Worker(0, 1, self.counters.row(0), log, sweep=sweep)
        self.server = build(self.worker)
        self.listening = Listening(Address.of(listen), defer=defer, backlog=backlog)
        self.name = self.listening.socket.getsockname()
        self.worker.serve(self.server, [self.listening.socket])
        self._calls = _Calls(self.worker.loop)
        self._thread = threading.Thread(target=self.worker.loop.run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._end)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.listening.close()
        self._calls.close()
        for descriptor in (self.words, self._said):
            os.close(descriptor)

    def call(self, action: Callable[[], None]) -> None:
        """Have the loop's thread call *action* soon."""
        self._calls.add(action)

    def counts(self) -> dict[str, int]:
        """Return every counter that is not 0, without the octets."""
        return {
            name: number
            for name, number in self.counters.total().items()
            if number and not name.startswith("octets")
        }

    def until(self, **expected: int) -> None:
        """Wait until the counters have these values."""
        self.when(
            lambda: all(self.counts().get(k, 0) == n for k, n in expected.items())
        )

    def when(self, true: Callable[[], bool]) -> None:
        """Wait until *true* says so; it is asked in the loop's thread."""
        told = threading.Event()

        def ask() -> None:
            if true():
                told.set()
            elif not told.is_set():
                self.worker.loop.after(0.002, ask)

        self.call(ask)
        arrived = told.wait(PATIENCE)
        told.set()
        assert arrived, f"never came: {self.counts()}"

    def seeking(self) -> int:
        """Return how many clients wait for a node to answer."""
        assert isinstance(self.server, Passthrough)
        return len(self.server.connector.waiting)

    def said(self) -> str:
        """Return what was logged so far."""
        try:
            return os.read(self.words, 65536).decode()
        except BlockingIOError:
            return ""

    def client(self, octets: bytes = b"") -> socket.socket:
        """Return a connection to the listener that has sent *octets*."""
        return client(self.name, octets)

    def _end(self) -> None:
        self.worker.loop.abort()
        self.worker.loop.stop()


class _Calls:
    """Calls from other threads, made by the loop."""

    def __init__(self, loop: Loop) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK)
        self._actions: list[Callable[[], None]] = []
        loop.add(self._reader, self, select.EPOLLIN)

    def add(self, action: Callable[[], None]) -> None:
        self._actions.append(action)
        os.write(self._writer, b"!")

    def ready(self, mask: int) -> None:
        os.read(self._reader, 512)
        while self._actions:
            self._actions.pop(0)()

    def swept(self, now: float) -> None:
        pass

    def abort(self) -> None:
        pass

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


class Backend:
    """A node: a listening socket of which the test accepts itself."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.socket.listen(128)
        self.address = address(self.socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def accept(self) -> socket.socket:
        connection, _ = self.socket.accept()
        connection.settimeout(PATIENCE)
        return connection


def address(listening: socket.socket) -> Address:
    """Return where a listening socket can be reached."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return Address.of(UnixEndpoint(name))
    return Address.of(Endpoint(name[0], name[1]))


def closed_address() -> Address:
    """Return an address of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return address(taken)


def gateway(
    *nodes: Address,
    limits: Limits | None = None,
    protocol: str = "client_first",
    enhance: str = "none",
) -> Build:
    """Return what builds a gateway, by default one that adds nothing."""
    return lambda worker: Gateway(
        worker, limits or Limits(), nodes, protocol=protocol, enhance=enhance
    )


def client(name: object, octets: bytes = b"") -> socket.socket:
    """Return a connection to the address that `getsockname` gave."""
    if isinstance(name, tuple):
        family = socket.AF_INET6 if ":" in name[0] else socket.AF_INET
    else:
        family = socket.AF_UNIX
    connection = socket.socket(family)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(name)  # type: ignore[arg-type]
        connection.sendall(octets)
    except OSError:
        connection.close()
        raise
    return connection


def receive(connection: socket.socket, size: int) -> bytes:
    """Return exactly *size* octets."""
    received = b""
    while len(received) < size:
        octets = connection.recv(size - len(received))
        assert octets, f"ended after {len(received)} of {size} octets"
        received += octets
    return received


def rest(connection: socket.socket) -> bytes:
    """Return everything up to the peer's end."""
    received = b""
    while octets := connection.recv(1 << 20):
        received += octets
    return received


def is_closed(connection: socket.socket) -> bool:
    """Return whether the peer closed or reset without another octet."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()

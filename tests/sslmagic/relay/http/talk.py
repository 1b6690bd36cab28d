"""A client, an HTTP server in a thread, and a node whose other end the test is."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from sslmagic.relay.address import Address
from sslmagic.relay.counters import Counters
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.http.limits import HttpLimits
from sslmagic.relay.http.server import HttpServer
from sslmagic.relay.limits import Limits
from sslmagic.relay.log import Log
from sslmagic.relay.pair import ClientEnd
from sslmagic.relay.worker import Worker
from tests.sslmagic.relay.harness import (
    PATIENCE,
    Backend,
    Build,
    Running,
    closed_address,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
END = b"\r\n\r\n"


def http(
    *nodes: Address,
    limits: Limits | None = None,
    times: HttpLimits | None = None,
    enhance: str = "none",
) -> Build:
    """Return what builds an HTTP server."""
    return lambda worker: HttpServer(
        worker, limits or Limits(), nodes, http=times, enhance=enhance
    )


@contextlib.contextmanager
def serving(
    *,
    limits: Limits | None = None,
    times: HttpLimits | None = None,
    enhance: str = "none",
    sweep: float = 0.05,
) -> Iterator[tuple[Running, Backend]]:
    """Run an HTTP server in front of one node."""
    with Backend() as backend:
        build = http(backend.address, limits=limits, times=times, enhance=enhance)
        with Running(build, sweep=sweep) as relay:
            yield relay, backend


@contextlib.contextmanager
def channel() -> Iterator[tuple[Channel, socket.socket]]:
    """Return a client's connection to an HTTP server that does not run, and the client.

    The server counts in its `counts` as one that runs.
    """
    worker = Worker(0, 1, Counters(1).row(0), Log(), sweep=1.0)
    server = http(closed_address(), limits=Limits(timeout=1.0))(worker)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname(), PATIENCE)
        connection, _ = listening.accept()
    end = ClientEnd(fileno=connection.detach())
    end.setblocking(False)
    end.start(server)
    server.live += 1
    with peer:
        yield Channel(end), peer
    end.close()


def until(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes, up to *end*, with which it must end."""
    received = b""
    while end not in received:
        octets = connection.recv(1 << 16)
        assert octets, f"ended after {received!r}"
        received += octets
    assert received.endswith(end), received
    return received


def head(connection: socket.socket) -> bytes:
    """Return a request or a response that has no body."""
    return until(connection, END)

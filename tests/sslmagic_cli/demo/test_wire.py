"""The wire passes everything on and remembers what came first."""

from __future__ import annotations

import socket

from sslmagic import Endpoint
from sslmagic_cli.demo.wire import Wire


def exchange(wire: Wire, node: socket.socket, request: bytes, answer: bytes) -> bytes:
    with socket.create_connection(wire.address, 10) as gateway:
        gateway.sendall(request)
        gateway.shutdown(socket.SHUT_WR)
        connection, _ = node.accept()
        with connection:
            connection.settimeout(10)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
            assert received == request
            connection.sendall(answer)
        return b"".join(iter(lambda: gateway.recv(65536), b""))


def test_passes_both_directions_and_remembers_the_first_octets() -> None:
    request, answer = bytes(range(256)) * 400, b"answer" * 20_000
    with socket.create_server(("127.0.0.1", 0)) as node:
        node.settimeout(10)
        with Wire(Endpoint(*node.getsockname())) as wire:
            assert exchange(wire, node, request, answer) == answer
            assert exchange(wire, node, b"second", b"") == b""
    assert wire.connections == [request[:4096], b"second"]


def test_remembers_a_connection_that_said_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as node:
        node.settimeout(10)
        with Wire(Endpoint(*node.getsockname())) as wire:
            assert exchange(wire, node, b"", b"") == b""
    assert wire.connections == [b""]

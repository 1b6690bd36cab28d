"""One HTTP/2 connection behind a preamble, with several streams at the same time."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded

from tests.interop.authority import NAME, Authority
from tests.interop.client import Client, Pieces
from tests.interop.peers import Address
from tests.interop.serving.claims import CLAIMS
from tests.sslmagic.receiving import OCTETS, PATIENCE

__all__ = ["streams", "streams_in_pieces", "streams_over"]

FORGED = [(name.lower(), value) for name, value in CLAIMS]


def streams(
    address: Address,
    authority: Authority,
    *,
    before: bytes = OCTETS,
    number: int = 3,
    scheme: str = "https",
) -> list[dict[str, Any]]:
    """What the server answers on each of so many streams, begun before any is read.

    Every request names another client in its headers.
    """
    with socket.create_connection(address, PATIENCE) as plain:
        plain.sendall(before)
        return streams_over(plain, authority, number=number, scheme=scheme)


def streams_over(
    plain: socket.socket,
    authority: Authority,
    *,
    number: int = 3,
    scheme: str = "https",
) -> list[dict[str, Any]]:
    """The same on a connection that exists, which is used up."""
    context = authority.client()
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(plain, server_hostname=NAME) as stream:
        assert stream.selected_alpn_protocol() == "h2"
        return _asked(stream.sendall, lambda: stream.recv(65536), number, scheme)


def streams_in_pieces(
    address: Address, authority: Authority, pieces: Pieces, *, number: int = 1
) -> list[dict[str, Any]]:
    """The same where preamble and ClientHello arrive in these pieces."""
    context = authority.client()
    context.set_alpn_protocols(["h2"])
    with Client(address, context) as client:
        client.begin(before=OCTETS, pieces=pieces)
        client.shake()
        assert client.protocol == "h2"
        return _asked(client.send, client.receive, number, "https")


def _asked(
    send: Callable[[bytes], object],
    receive: Callable[[], bytes],
    number: int,
    scheme: str,
) -> list[dict[str, Any]]:
    connection = H2Connection(H2Configuration(client_side=True))
    connection.initiate_connection()
    bodies: dict[int, bytes] = {}
    for _ in range(number):
        identity = connection.get_next_available_stream_id()
        bodies[identity] = b""
        head = [(":method", "GET"), (":scheme", scheme), (":path", "/")]
        head.append((":authority", NAME))
        connection.send_headers(identity, [*head, *FORGED], end_stream=True)
    ended = 0
    while ended < number:
        send(connection.data_to_send())
        octets = receive()
        assert octets, "the server ended the connection"
        for event in connection.receive_data(octets):
            if isinstance(event, ResponseReceived):
                assert (b":status", b"200") in [tuple(one) for one in event.headers]
            elif isinstance(event, DataReceived):
                bodies[event.stream_id] += event.data
            elif isinstance(event, StreamEnded):
                ended += 1
    connection.close_connection()
    send(connection.data_to_send())
    return [json.loads(body) for body in bodies.values()]

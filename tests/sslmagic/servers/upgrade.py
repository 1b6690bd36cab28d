"""A WebSocket client that a gateway speaks for: the first message that it gets."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.sync.client import connect
from websockets.uri import parse_uri

from tests.interop.authority import NAME, Authority
from tests.interop.client import Client, Pieces
from tests.interop.peers import Address
from tests.interop.serving.claims import CLAIMS
from tests.sslmagic.receiving import OCTETS, PATIENCE

__all__ = ["UPGRADE", "told", "told_in_pieces", "told_over"]

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
"""A request that asks for a WebSocket."""


def told(
    address: Address | Path,
    before: bytes = OCTETS,
    *,
    authority: Authority | None = None,
    claims: Sequence[tuple[str, str]] = CLAIMS,
) -> dict[str, Any]:
    """What a server tells first, on a connection that begins with these octets.

    Args:
        authority: for TLS with its certificate verified; in clear without.
        claims: header fields of the request.
    """
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    stream = socket.socket(family)
    stream.settimeout(PATIENCE)
    stream.connect(str(address) if isinstance(address, Path) else address)
    stream.sendall(before)
    return told_over(stream, authority=authority, claims=claims)


def told_over(
    stream: socket.socket,
    *,
    authority: Authority | None = None,
    claims: Sequence[tuple[str, str]] = CLAIMS,
) -> dict[str, Any]:
    """The same on a connection that exists, which is used up."""
    secure = authority is not None
    with connect(
        f"{'wss' if secure else 'ws'}://{NAME}/",
        sock=stream,
        ssl=None if authority is None else authority.client(),
        additional_headers=claims,
        open_timeout=PATIENCE,
        proxy=None,
    ) as one:
        said: dict[str, Any] = json.loads(one.recv(PATIENCE))
    return said


def told_in_pieces(
    address: Address, authority: Authority, pieces: Pieces
) -> dict[str, Any]:
    """The same over TLS, where all that the client sends arrives in these pieces.

    First preamble and ClientHello, then the request, a record for each piece.
    """
    with Client(address, authority.client()) as client:
        client.begin(before=OCTETS, pieces=pieces)
        client.shake()
        assert client.protocol in (None, "http/1.1")
        protocol = ClientProtocol(parse_uri(f"wss://{NAME}/"))
        request = protocol.connect()
        for name, value in CLAIMS:
            request.headers[name] = value
        protocol.send_request(request)
        messages: list[Frame] = []
        while not messages:
            for octets in protocol.data_to_send():
                for piece in pieces(octets):
                    client.send(piece)
            protocol.receive_data(client.receive())
            events = protocol.events_received()
            assert protocol.handshake_exc is None, protocol.handshake_exc
            messages = [event for event in events if isinstance(event, Frame)]
    said: dict[str, Any] = json.loads(bytes(messages[0].data))
    return said

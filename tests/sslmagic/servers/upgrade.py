"""A WebSocket client that a gateway speaks for: the first message that it gets."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address
from tests.sslmagic.receiving import OCTETS, PATIENCE

__all__ = ["CLAIMS", "STRANGER", "UPGRADE", "told", "told_over"]

STRANGER = "6.6.6.6"
"""Whom no header may make the client."""
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
"""A request that asks for a WebSocket."""

CLAIMS = (
    ("X-Cluster-Client-Ip", STRANGER),
    ("X-Forwarded-For", STRANGER),
    ("X-Forwarded-Proto", "ftp"),
    ("Forwarded", f"for={STRANGER}"),
)


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

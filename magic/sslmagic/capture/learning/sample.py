"""A sample: what stood in front of a connection's own octets, and whose it was."""

from __future__ import annotations

import dataclasses
import re

from sslmagic.errors import DecodeError
from sslmagic.hello import ClientHello
from sslmagic.preamble import Endpoint
from sslmagic.wire.learnt import MOST

__all__ = ["MOST_WANTED", "Sample", "preamble_end"]

MOST_WANTED = MOST + 6
"""Octets of a stream's front in which a preamble and the start of TLS would be."""

_RECORD = re.compile(rb"\x16\x03[\x00-\x04][\x00-\x40].\x01\x00", re.DOTALL)
"""How a ClientHello starts: the record, and a handshake message below 65536 octets."""
_REQUEST = re.compile(rb"[A-Z]{3,16} [!-~]{1,2048} HTTP/1\.[01]\r\n")
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One connection whose client is known from elsewhere."""

    octets: bytes
    """What precedes the ClientHello, or whatever follows; empty without a preamble."""
    client: Endpoint
    """Who the client is thought to be; port 0 if only the host is known."""
    listener: Endpoint
    """Where the peer connected to."""
    peer: Endpoint | None = None
    """The other end of the connection, a gateway say."""
    destination: Endpoint | None = None
    """Where the client connected to; None if that is not known."""
    number: int = 0
    """Which connection of the capture it was; 0 if that says nothing."""
    is_named: bool = False
    """Whether nothing but its own octets says that it is that client's."""


def preamble_end(octets: bytes) -> int | None:
    """Return where the preamble ends and TLS or HTTP begins; None if neither does.

    A whole ClientHello is looked for first, then the front of one that is cut short.
    """
    likely: int | None = None
    for found in _RECORD.finditer(octets[: MOST_WANTED + 1]):
        at = found.start()
        try:
            ClientHello.parse(octets[at:])
        except DecodeError as error:
            # Cut short is what a capture does; anything else is chance.
            cut_short = error.offset >= len(octets) - at
            if likely is None and cut_short and _agrees(octets, at):
                likely = at
        else:
            return at
    if likely is not None:
        return likely
    if (at := octets.find(_HTTP2)) >= 0:
        return at
    request = _REQUEST.search(octets)
    if request is None:
        return None
    # The method's own letters may continue a word of the preamble.
    return _method_at(octets, request.start())


def _method_at(octets: bytes, at: int) -> int:
    word = octets[at:].split(b" ", 1)[0]
    for method in (b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE", b"HEAD"):
        if word.endswith(method):
            return at + len(word) - len(method)
    for method in (b"POST", b"GET", b"PUT"):
        if word.endswith(method):
            return at + len(word) - len(method)
    return at


def _agrees(octets: bytes, at: int) -> bool:
    """Whether the lengths of a record and its message agree."""
    record = int.from_bytes(octets[at + 3 : at + 5], "big")
    message = int.from_bytes(octets[at + 6 : at + 9], "big")
    return len(octets) - at >= 9 and message + 4 >= record > 40

"""Conversations made by hand, as the reader of captures would have made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Conversation, Ended, Side
from sslmagic.capture.judge import Judge
from sslmagic.preamble import Endpoint, Preamble

__all__ = [
    "CLIENT",
    "GATEWAY",
    "NODE",
    "PREAMBLE",
    "SHOP",
    "START",
    "conversation",
    "hello",
    "judged",
    "side",
]

CLIENT = Endpoint("203.0.113.9", 51234)
SHOP = Endpoint("198.51.100.2", 443)
GATEWAY = Endpoint("10.0.0.5", 40112)
NODE = Endpoint("10.0.1.7", 8443)
PREAMBLE = Preamble(source=CLIENT, destination=SHOP)
START = 1_795_741_200_000_000_000
"""2026-11-27 01:00:00 UTC."""
MS = 1_000_000


def side(octets: bytes, cuts: Sequence[int] = (), at: int = START, **more: Any) -> Side:
    """A stream that came in pieces, cut at *cuts*, a millisecond after each other."""
    ends = [*cuts, len(octets)] if octets else []
    arrivals = [(end, at + n * MS) for n, end in enumerate(ends, 1)]
    more = {"length": len(octets), "packets": len(ends) + 2} | more
    return Side(octets=octets, arrivals=arrivals, **more)


def conversation(
    octets: bytes = b"",
    answer: bytes = b"",
    *,
    number: int = 1,
    peer: Endpoint = GATEWAY,
    listener: Endpoint = NODE,
    opened: int = START,
    lasted: int = 500 * MS,
    cuts: Iterable[int] = (),
    ended: Ended = Ended.OPEN,
    ended_by: Literal["peer", "listener"] | None = None,
    capture: str = "node.pcapng",
    begun: bool = True,
    accepted: bool = True,
    until: int | None = None,
    **sent: Any,
) -> Conversation:
    """A conversation in which the peer sent *octets*."""
    return Conversation(
        capture=capture,
        number=number,
        peer=peer,
        listener=listener,
        begun=begun,
        opened=opened,
        closed=opened + lasted,
        until=until,
        accepted=opened + MS // 2 if accepted else None,
        sent=side(octets, tuple(cuts), opened, **sent),
        answered=side(answer, at=opened + 20 * MS),
        ended=ended,
        ended_by=ended_by,
    )


def judged(octets: bytes = b"", answer: bytes = b"", **more: Any) -> Connection:
    """The same, judged by whoever believes anybody."""
    return Judge().judge(conversation(octets, answer, **more))


def hello(name: str | bytes | None = "shop.example", random: int = 7) -> bytes:
    """A ClientHello in one record; other *random* octets make it another client's."""
    extensions = b""
    if name is not None:
        octets = name.encode() if isinstance(name, str) else name
        entry = b"\0" + _vector(2, octets)
        extensions += b"\0\0" + _vector(2, _vector(2, entry))
    protocols = _vector(1, b"h2") + _vector(1, b"http/1.1")
    extensions += b"\0\x10" + _vector(2, _vector(2, protocols))
    extensions += b"\0\x2b" + _vector(2, _vector(1, b"\x03\x04\x03\x03"))
    body = b"\x03\x03" + random.to_bytes(32, "big") + _vector(1, bytes(32))
    body += _vector(2, b"\x13\x01") + _vector(1, b"\0") + _vector(2, extensions)
    return b"\x16\x03\x01" + _vector(2, b"\x01" + _vector(3, body))


def _vector(size: int, octets: bytes) -> bytes:
    return len(octets).to_bytes(size, "big") + octets

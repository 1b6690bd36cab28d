"""The Python peers' operations: PyPI's proxy-protocol and Twisted."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

from benchmarks.codec.cases import Case
from benchmarks.programs import MissingPeerError
from sslmagic import Endpoint, Preamble

__all__ = ["PROXY_PROTOCOL", "TWISTED", "proxy_protocol", "twisted"]

PROXY_PROTOCOL = "proxy-protocol"
TWISTED = "twisted"

Operations = Mapping[str, Callable[[], object]]


def proxy_protocol(case: Case) -> Operations:
    """PyPI proxy-protocol: `ipaddress` values, and `bytes` from a ready result.

    Raises:
        MissingPeerError: it is not installed.
    """
    try:
        from proxyprotocol.result import ProxyResult, ProxyResultIPv4, ProxyResultIPv6
        from proxyprotocol.tlv import ProxyProtocolTLV
        from proxyprotocol.v1 import ProxyProtocolV1
        from proxyprotocol.v2 import ProxyProtocolV2
    except ImportError:
        raise MissingPeerError(PROXY_PROTOCOL) from None

    octets = case.peer_octets
    codec = ProxyProtocolV1() if case.peer_format == "proxy1" else ProxyProtocolV2()
    sides = _endpoints(case.preamble)
    tlvs = ProxyProtocolTLV(init=dict(case.preamble.tlvs))
    six = ":" in sides[0].host
    address = IPv6Address if six else IPv4Address
    kind = ProxyResultIPv6 if six else ProxyResultIPv4
    # Either takes the addresses of its own family; only we know that they match.
    result = cast("Callable[..., ProxyResult]", kind)
    source, destination = ((address(side.host), side.port) for side in sides)

    def build() -> ProxyResult:
        return result(source, destination, protocol=socket.SOCK_STREAM, tlv=tlvs)

    ready = build()

    def read() -> object:
        found: Any = codec.unpack(octets)
        return str(found.source[0]), str(found.dest[0])

    return {
        "decode": lambda: codec.unpack(octets),
        "decode-text": read,
        "encode": lambda: codec.pack(ready),
        "encode-addresses": lambda: codec.pack(build()),
    }


def twisted(case: Case) -> Operations:
    """Twisted's parser: addresses as text. It has no encoder and ignores TLVs.

    Raises:
        MissingPeerError: it is not installed.
    """
    try:
        from twisted.protocols.haproxy._v1parser import V1Parser
        from twisted.protocols.haproxy._v2parser import V2Parser
    except ImportError:
        raise MissingPeerError(TWISTED) from None

    octets = case.peer_octets
    if case.peer_format == "proxy1":
        line = octets.removesuffix(b"\r\n")
        return {
            "decode": lambda: V1Parser.parse(line),
            "feed": lambda: V1Parser().feed(octets),
            "decode-text": lambda: V1Parser.parse(line),
        }
    return {
        "decode": lambda: V2Parser.parse(octets),
        "feed": lambda: V2Parser().feed(octets),
        "decode-text": lambda: V2Parser.parse(octets),
    }


def _endpoints(preamble: Preamble) -> tuple[Endpoint, Endpoint]:
    source, destination = preamble.source, preamble.destination
    assert isinstance(source, Endpoint)
    assert isinstance(destination, Endpoint)
    return source, destination

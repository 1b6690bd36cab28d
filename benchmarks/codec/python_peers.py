"""The Python peers' operations: PyPI's proxy-protocol and Twisted."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import cast

from benchmarks.codec.cases import Case
from benchmarks.codec.statement import Seconds, statement
from benchmarks.programs import MissingPeerError
from sslmagic import Endpoint, Preamble

__all__ = ["PROXY_PROTOCOL", "TWISTED", "proxy_protocol", "twisted"]

PROXY_PROTOCOL = "proxy-protocol"
TWISTED = "twisted"


def proxy_protocol(case: Case) -> Mapping[str, Seconds]:
    """PyPI proxy-protocol: `ipaddress` values, and `bytes` from a ready result.

    Raises:
        MissingPeerError: it is not installed.
    """
    try:
        from proxyprotocol.result import ProxyResultIPv4, ProxyResultIPv6
        from proxyprotocol.tlv import ProxyProtocolTLV
        from proxyprotocol.v1 import ProxyProtocolV1
        from proxyprotocol.v2 import ProxyProtocolV2
    except ImportError:
        raise MissingPeerError(PROXY_PROTOCOL) from None

    sides = _endpoints(case.preamble)
    is_ipv4 = ":" not in sides[0].host
    address = IPv4Address if is_ipv4 else IPv6Address
    kind = ProxyResultIPv4 if is_ipv4 else ProxyResultIPv6
    # Either takes the addresses of its own family; only we know that they match.
    result = cast("Callable[..., object]", kind)
    said = {
        "protocol": socket.SOCK_STREAM,
        "tlv": ProxyProtocolTLV(init=dict(case.preamble.tlvs)),
    }
    source, destination = ((address(side.host), side.port) for side in sides)
    names = {
        "codec": (
            ProxyProtocolV1() if case.peer_format == "proxy1" else ProxyProtocolV2()
        ),
        "octets": case.peer_octets,
        "ready": result(source, destination, **said),
        "result": result,
        "source": source,
        "destination": destination,
        "said": said,
    }
    return {
        "decode": statement("codec.unpack(octets)", **names),
        "decode-text": statement(
            "found = codec.unpack(octets); str(found.source[0]); str(found.dest[0])",
            **names,
        ),
        "encode": statement("codec.pack(ready)", **names),
        "encode-addresses": statement(
            "codec.pack(result(source, destination, **said))", **names
        ),
    }


def twisted(case: Case) -> Mapping[str, Seconds]:
    """Twisted's parser: addresses as text. It has no encoder and ignores TLVs.

    Raises:
        MissingPeerError: it is not installed.
    """
    try:
        from twisted.protocols.haproxy._v1parser import V1Parser
        from twisted.protocols.haproxy._v2parser import V2Parser
    except ImportError:
        raise MissingPeerError(TWISTED) from None

    octets = line = case.peer_octets
    parser: type[V1Parser | V2Parser] = V2Parser
    if case.peer_format == "proxy1":
        parser, line = V1Parser, octets.removesuffix(b"\r\n")
    parse = statement("Parser.parse(line)", Parser=parser, line=line)
    feed = statement("Parser().feed(octets)", Parser=parser, octets=octets)
    return {"decode": parse, "decode-text": parse, "feed": feed}


def _endpoints(preamble: Preamble) -> tuple[Endpoint, Endpoint]:
    source, destination = preamble.source, preamble.destination
    assert isinstance(source, Endpoint)
    assert isinstance(destination, Endpoint)
    return source, destination

"""Hypothesis strategies for what a preamble can say."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV

__all__ = ["carried_by_magic", "datagrams", "locals_", "preambles", "unknowns"]

ports = st.integers(0, 65535)
source_ports = st.integers(1, 65535)


def _is_source(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_source(address.ipv4_mapped)
        return not address.is_multicast and not 1 != int(address) < 1 << 32
    return not address.is_multicast and int(address) not in (0, 0xFFFFFFFF)


ipv4 = st.ip_addresses(v=4)
ipv6 = st.ip_addresses(v=6) | ipv4.map(
    lambda address: ipaddress.IPv6Address(f"::ffff:{address}")
)
sources = (ipv4 | ipv6).filter(_is_source).map(str)
paths = st.binary(max_size=108).filter(lambda path: b"\0" not in path)
unix = paths.map(lambda path: UnixEndpoint(path.decode("utf-8", "surrogateescape")))
ip_pairs = st.tuples(
    st.builds(Endpoint, sources, source_ports),
    st.builds(Endpoint, (ipv4 | ipv6).map(str), ports),
)
pairs = ip_pairs | st.tuples(unix, unix)

names = st.text("abcXYZ019-.", min_size=1, max_size=60).map(str.encode)
visible = st.text([chr(o) for o in range(0x21, 0x7F)], min_size=1, max_size=60).map(
    str.encode
)
octets = st.binary(min_size=1, max_size=60)
_ssl = st.builds(
    lambda client, verify, name: (
        bytes([client])
        + verify.to_bytes(4, "big")
        + b"\x22"
        + len(name).to_bytes(2, "big")
        + name
    ),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    octets,
)
_once = st.fixed_dictionaries(
    {},
    optional={
        0x01: visible,
        0x02: names,
        0x05: octets,
        0x20: _ssl,
        0x30: octets,
        0xE5: octets,
    },
)
_often = st.lists(
    st.tuples(
        st.sampled_from([0x04, 0x06, 0x29, 0xD0, 0xE0, 0xE4, 0xE7, 0xEA, 0xEE, 0xFF]),
        st.binary(max_size=40),
    ),
    max_size=4,
)
tlvs = st.builds(
    lambda once, often: [TLV(*row) for row in (*once.items(), *often)], _once, _often
).flatmap(st.permutations)

carried_by_magic = st.builds(
    lambda pair, tlvs: Preamble(source=pair[0], destination=pair[1], tlvs=tlvs),
    pairs,
    tlvs,
)
"""PROXY over a stream, with TLVs that both formats take."""
locals_ = st.builds(Preamble.local, tlvs)


def _datagram(
    pair: tuple[Endpoint | UnixEndpoint, Endpoint | UnixEndpoint],
    tlvs: list[TLV],
) -> Preamble:
    stream = Preamble(source=pair[0], destination=pair[1])
    transport = Transport(stream.transport & 0xF0 | 2)
    return Preamble(source=pair[0], destination=pair[1], transport=transport, tlvs=tlvs)


datagrams = st.builds(_datagram, pairs, tlvs)
unknowns = st.builds(
    lambda tlvs: Preamble(transport=Transport.UNKNOWN, tlvs=tlvs), tlvs
)
preambles = carried_by_magic | locals_ | datagrams | unknowns
"""Everything that a Preamble can be."""

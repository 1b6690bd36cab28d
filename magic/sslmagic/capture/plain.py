"""What a plain packet looks like: the values that its headers may have.

Most packets of most captures are IPv4 without options in Ethernet, one TCP segment with
the data that its receiver expects next, of a stream of which nothing more is wanted. A
look at their headers and four numbers kept are all that they cost. Everything else goes
through `Frames`, which does the same with a plain packet, several times as slowly, and
takes a shorter way itself with IPv6, VLANs and other links.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from sslmagic.capture.link import ETHERNET, SLL

__all__ = [
    "ACKNOWLEDGED",
    "BEFORE",
    "FORWARD",
    "HEADS",
    "IP4",
    "LOOK",
    "TAIL",
    "Seen",
    "seen",
]

Seen = tuple[bytes, int, int]
"""Source, destination and ports; the sequence number; how many octets of data."""

BEFORE: Mapping[int, int] = {ETHERNET: 12, SLL: 14}
"""Octets in front of the EtherType, which IPv4 follows at once, by link type."""

IP4 = frozenset(0x08004500 | service for service in range(256))
"""EtherType, version, header length and type of service: IPv4 without options."""

FORWARD = frozenset(
    fragment << 16 | hops << 8 | 6 for fragment in (0, 0x4000) for hops in range(256)
)
"""Flags and offset of fragments, hops and protocol: whole, and TCP."""

HEADS: Mapping[int, int] = {
    words << 12 | congestion | flags: 20 + 4 * words
    for words in range(5, 16)
    for congestion in (0x00, 0x40, 0x80, 0xC0)
    for flags in (0x10, 0x18)
}
"""Octets of the IPv4 and TCP headers, by the TCP header's length and flags: ACK, with
PSH or not, and what tells of congestion."""

LOOK = "IHxxI2x12sI4xH"
"""`IP4`, the length, `FORWARD`, addresses and ports, sequence number, `HEADS`."""

ACKNOWLEDGED = struct.Struct(">I").unpack_from
"""The acknowledgement number, 28 octets behind the IP header's beginning."""

TAIL = 36
"""Octets that `LOOK` wants from the EtherType on."""

_FOUR = struct.Struct(">H2xI2x12sI4xH").unpack_from
"""The length, `FORWARD`, addresses and ports, sequence number, `HEADS`: from the third
octet of an IPv4 header on."""
_SIX = struct.Struct(">HBx36sI4xH").unpack_from
"""The payload's length, its protocol, and as above: from the fifth octet of an IPv6
header on."""
_TCP = 6


def seen(data: bytes, at: int, end: int) -> Seen | None:
    """Return what a look at a plain segment of either IP tells; None if it is none.

    Args:
        data: what was captured, of a whole frame.
        at: where the IP packet begins.
        end: where the frame ends.
    """
    if at + 54 > end:
        # No shorter frame is worth it: Ethernet has 60 octets, and an ACK of IPv4 has
        # its timestamps.
        return None
    version = data[at]
    if version == 0x45:
        size, forward, key, seq, flags = _FOUR(data, at + 2)
        if forward not in FORWARD:
            return None
    elif version >> 4 == 6:
        size, following, key, seq, flags = _SIX(data, at + 4)
        if following != _TCP:
            return None
        # `HEADS` counts an IPv4 header of 20 octets in.
        size += 20
        end -= 20
    else:
        return None
    length = size - HEADS.get(flags, size + 1)
    return (key, seq, length) if length >= 0 and at + size <= end else None

"""What a plain packet looks like: the values that its headers may have.

Most packets of most captures are IPv4 without options in Ethernet, one TCP segment with
the data that its receiver expects next, of a stream of which nothing more is wanted. A
look at their headers and four numbers kept are all that they cost. Everything else goes
through `Frames`, which does the same with a plain packet, several times as slowly.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from sslmagic.capture.link import ETHERNET, SLL

__all__ = ["ACKNOWLEDGED", "BEFORE", "FORWARD", "HEADS", "IP4", "LOOK", "TAIL"]

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

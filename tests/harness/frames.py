"""Frames of TCP: crafted by scapy once, and filled in octet by octet after that.

scapy needs half a millisecond for a packet. Of a conversation only ports, numbers,
flags and data differ, so its build is kept and these are written into it.
"""

from __future__ import annotations

import array
import functools
import struct
import sys
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

__all__ = [
    "ACK",
    "FIN",
    "MOST",
    "PSH",
    "RST",
    "SYN",
    "URG",
    "Frame",
    "Route",
    "frame",
    "read",
]

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MOST = 1400
"""Octets of data in a frame: what an Ethernet carries over both versions of IP."""

_NUMBERS = struct.Struct("!HHIIBBHHH")
"""A TCP header: ports, seq, ack, offset, flags, window, checksum, urgent pointer."""


class Route(NamedTuple):
    """Where a host's packets come from and go to."""

    macs: tuple[str, str]
    """The host's own address on the link, and the other end's."""
    hosts: tuple[str, str]
    """The host's own IP address, and the other end's."""

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.hosts[0] else 4


class Frame(NamedTuple):
    """What matters of a frame of TCP that was received."""

    version: int
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    data: bytes
    window: int
    """As it stands there; nothing here agrees on a scale unless its SYN says one."""


@functools.cache
def crafted(route: Route, options: tuple[tuple[str, Any], ...]) -> bytes:
    """scapy's frame without ports, numbers and data."""
    addresses: dict[str, Any] = {"src": route.hosts[0], "dst": route.hosts[1]}
    # The total length and both checksums are written in later.
    ip = IPv6(**addresses) if route.version == 6 else IP(**addresses, flags="DF", id=0)
    link = Ether(src=route.macs[0], dst=route.macs[1])
    return bytes(link / ip / TCP(sport=0, dport=0, options=list(options)))


@functools.cache
def _sums(route: Route, options: tuple[tuple[str, Any], ...]) -> tuple[int, int, int]:
    """Where TCP begins; the sums of IP's header and of the pseudo header.

    They lack what differs from frame to frame.
    """
    whole = crafted(route, options)
    at = 14 + (40 if route.version == 6 else 20)
    addresses = whole[22:54] if route.version == 6 else whole[26:34]
    header = whole[14:16] + bytes(2) + whole[18:24] + bytes(2) + whole[26:34]
    return at, 0 if route.version == 6 else total(header), total(addresses) + 6


def frame(
    route: Route,
    ports: tuple[int, int],
    *,
    seq: int,
    ack: int,
    flags: int,
    window: int = 64240,
    urgent: int = 0,
    data: bytes = b"",
    options: tuple[tuple[str, Any], ...] = (),
    spoilt: bool = False,
) -> bytes:
    """Return a frame from *route*'s host, with all lengths and checksums right.

    But for TCP's if it is to be *spoilt*.
    """
    whole = crafted(route, options)
    at, header, pseudo = _sums(route, options)
    tcp = bytearray(whole[at:])
    numbers = *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, tcp[12], flags, window
    _NUMBERS.pack_into(tcp, 0, *numbers, 0, urgent)
    tcp += data
    right = folded(total(tcp) + pseudo + len(tcp))
    struct.pack_into("!H", tcp, 16, right ^ 0x0400 if spoilt else right)
    front = bytearray(whole[:at])
    if route.version == 6:
        struct.pack_into("!H", front, 18, len(tcp))
    else:
        length = 20 + len(tcp)
        struct.pack_into("!H", front, 16, length)
        struct.pack_into("!H", front, 24, folded(header + length))
    return bytes(front + tcp)


def read(octets: bytes) -> Frame | None:
    """Return what a frame says; None if it is no TCP."""
    kind = octets[12:14]
    if kind == b"\x08\x00" and octets[23] == 6:
        version, at = 4, 14 + 4 * (octets[14] & 15)
        end = 14 + (octets[16] << 8 | octets[17])
    elif kind == b"\x86\xdd" and octets[20] == 6:
        version, at = 6, 54
        end = 54 + (octets[18] << 8 | octets[19])
    else:
        return None
    numbers = _NUMBERS.unpack_from(octets, at)
    source, destination, seq, ack, offset, flags, window, *_ = numbers
    data = octets[at + 4 * (offset >> 4) : end]
    return Frame(version, source, destination, seq, ack, flags, data, window)


def total(octets: bytes | bytearray) -> int:
    """The sum of the 16-bit numbers in *octets* (RFC 1071)."""
    words = array.array("H", bytes(octets) + bytes(len(octets) % 2))
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words)


def folded(value: int) -> int:
    """A sum as the checksum that goes into a header."""
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return ~value & 0xFFFF

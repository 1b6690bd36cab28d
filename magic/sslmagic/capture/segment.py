"""An IP packet that carries TCP: who to whom, and where in the octets the data is."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Fragment", "NotTCP", "Segment", "segment"]

_TCP = 6
_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
"""IPv6 headers that say their own length in units of eight octets: hop-by-hop,
routing, destination options, mobility, HIP, shim6."""
_FRAGMENT = 44
_AUTHENTICATION = 51


class Segment(NamedTuple):
    """One TCP segment; its data are octets `start` to `end` of what was captured."""

    key: bytes
    """Source, destination, source port, destination port: 12 or 36 octets."""
    seq: int
    """The sequence number of the first octet, or of the SYN."""
    ack: int
    """The acknowledgement number."""
    flags: int
    """The eight flags from CWR to FIN."""
    head: int
    """Where the TCP header begins."""
    start: int
    """Where the data begins."""
    end: int
    """Where what was captured of the data ends."""
    length: int
    """How long the data was on the wire."""


class Fragment(NamedTuple):
    """A part of an IP packet's payload."""

    key: bytes
    """What belongs together: the addresses, the protocol, the identification."""
    head: bytes
    """Source and destination address, packed."""
    offset: int
    """Where in the payload this part belongs."""
    more: bool
    """Whether it is not the last."""
    protocol: int
    """What the payload is; 6 is TCP. In IPv6 the first fragment's word counts."""
    start: int
    """Where in the octets the part begins."""
    end: int
    """Where it ends."""
    cut: bool
    """Whether the capture has less of it than there was."""


class NotTCP(NamedTuple):
    """An IP packet of another protocol."""

    protocol: int


def segment(
    data: bytes, at: int, end: int, *, length: int
) -> Segment | Fragment | NotTCP:
    """Read the IP packet at *at*.

    Args:
        data: what was captured.
        at: where the packet begins.
        end: where what was captured of the frame ends.
        length: octets from *at* to the frame's end on the wire, `end - at` or more.

    Raises:
        ValueError: the headers contradict themselves, or end too early.
    """
    if at >= end:
        raise ValueError("there is no IP header")
    version = data[at] >> 4
    if version == 4:
        return _ipv4(data, at, end, length)
    if version == 6:
        return _ipv6(data, at, end, length)
    raise ValueError(f"an IP header cannot begin with version {version}")


def tcp(data: bytes, addresses: bytes, at: int, *, end: int, length: int) -> Segment:
    """Read a TCP header at *at*, of a segment that was *length* octets on the wire.

    Raises:
        ValueError: the header contradicts itself, or ends too early.
    """
    if at + 20 > end:
        raise ValueError("the packet ends in its TCP header")
    size = data[at + 12] >> 4 << 2
    if size < 20 or size > length:
        raise ValueError(f"a TCP header of {size} octets in {length}")
    start = min(at + size, end)
    return Segment(
        addresses + data[at : at + 4],
        int.from_bytes(data[at + 4 : at + 8], "big"),
        int.from_bytes(data[at + 8 : at + 12], "big"),
        data[at + 13],
        at,
        start,
        min(end, at + length),
        length - size,
    )


def _ipv4(data: bytes, at: int, end: int, length: int) -> Segment | Fragment | NotTCP:
    if at + 20 > end:
        raise ValueError("the packet ends in its IPv4 header")
    size = (data[at] & 0x0F) << 2
    total = data[at + 2] << 8 | data[at + 3]
    if total == 0:
        # Offloaded to the network card, which fills it in for each part.
        total = length
    if size < 20 or total < size:
        raise ValueError(f"an IPv4 header of {size} octets in a packet of {total}")
    if total > length:
        raise ValueError(f"an IPv4 packet of {total} octets in {length}")
    protocol = data[at + 9]
    addresses = data[at + 12 : at + 20]
    # Behind the packet's end there is what fills a short Ethernet frame.
    end = min(end, at + total)
    place = (data[at + 6] << 8 | data[at + 7]) & 0x3FFF
    if place:
        return Fragment(
            addresses + data[at + 4 : at + 6] + bytes((protocol,)),
            addresses,
            (place & 0x1FFF) << 3,
            place > 0x1FFF,
            protocol,
            at + size,
            end,
            end < at + total,
        )
    if protocol != _TCP:
        return NotTCP(protocol)
    return tcp(data, addresses, at + size, end=end, length=total - size)


def _ipv6(data: bytes, at: int, end: int, length: int) -> Segment | Fragment | NotTCP:
    if at + 40 > end:
        raise ValueError("the packet ends in its IPv6 header")
    # 0: offloaded, or a jumbogram.
    payload = data[at + 4] << 8 | data[at + 5] or length - 40
    if 40 + payload > length:
        raise ValueError(f"an IPv6 packet of {40 + payload} octets in {length}")
    final = at + 40 + payload
    end = min(end, final)
    addresses = data[at + 8 : at + 40]
    following = data[at + 6]
    at += 40
    while following != _TCP:
        if following == _FRAGMENT:
            if at + 8 > end:
                raise ValueError("the packet ends in its fragment header")
            place = data[at + 2] << 8 | data[at + 3]
            if place & 0xFFF9:
                return Fragment(
                    addresses + data[at + 4 : at + 8],
                    addresses,
                    place & 0xFFF8,
                    bool(place & 1),
                    data[at],
                    at + 8,
                    end,
                    end < final,
                )
            following, at = data[at], at + 8
        elif following in _EXTENSIONS or following == _AUTHENTICATION:
            if at + 2 > end:
                raise ValueError("the packet ends in an IPv6 extension header")
            units = data[at + 1]
            size = (
                (units + 2) << 2 if following == _AUTHENTICATION else (units + 1) << 3
            )
            following, at = data[at], at + size
        else:
            return NotTCP(following)
    return tcp(data, addresses, at, end=end, length=final - at)

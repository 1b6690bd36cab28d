"""TCP's checksum (RFC 9293 section 3.1): what a kernel drops a segment for.

right           as it was on the wire
unfinished      as a kernel leaves it to the network card, or makes it of several
anything else   broken on the way, forged, or changed since
"""

from __future__ import annotations

__all__ = ["is_right", "is_unfinished"]

_TCP = 6
_PLACE = 16
"""Where in a TCP header the checksum is."""
_ONES = 0xFFFF


def is_right(addresses: bytes, data: bytes, at: int, end: int) -> bool:
    """Return whether a segment's checksum is that of its octets.

    Args:
        addresses: of sender and receiver, packed.
        data: octets of which *at* to *end* are the whole segment.
    """
    size = end - at
    # One's complement addition of 16-bit words is arithmetic modulo 65535, and so it
    # does not matter that the words are added as digits of one large number.
    total = int.from_bytes(data[at:end], "big")
    if size & 1:
        total <<= 8
    return (total + int.from_bytes(addresses, "big") + _TCP + size) % _ONES == 0


def is_unfinished(addresses: bytes, data: bytes, at: int, end: int) -> bool:
    """Return whether it is as the network card would get it, to be finished there.

    Then it is the sum of addresses, protocol and length, of some systems without the
    length, or 0.
    """
    found = int.from_bytes(data[at + _PLACE : at + _PLACE + 2], "big") % _ONES
    without = (int.from_bytes(addresses, "big") + _TCP) % _ONES
    return found in (0, without, (without + end - at) % _ONES)

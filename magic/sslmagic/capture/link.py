"""The link layers that a capture may be of: where in a frame the IP packet begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["ETHERNET", "LINKS", "SLL", "Frame", "Link", "link_name"]

Frame = tuple[int, bytes]
"""(where the IP packet begins, the VLANs' numbers as two octets each)."""

Link = Callable[[bytes, int, int], Frame | None]
"""Finds the IP packet in the octets between two indices; None if there is none.

Raises:
    ValueError: the frame is shorter than its headers; its message says so.
"""

ETHERNET = 1
SLL = 113
_MOST_VLANS = 4

_IP4 = 0x0800
_IP6 = 0x86DD
_PPP_SESSION = 0x8864
_VLANS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
"""802.1Q, 802.1ad, and what was in use before 802.1ad."""


def _tagged(data: bytes, at: int, end: int) -> Frame | None:
    """What follows an EtherType at *at*, behind VLAN tags perhaps."""
    vlans = b""
    while True:
        if at + 2 > end:
            raise ValueError("the frame ends in its link header")
        kind = data[at] << 8 | data[at + 1]
        at += 2
        if kind in (_IP4, _IP6):
            return at, vlans
        if kind in _VLANS and len(vlans) < 2 * _MOST_VLANS:
            if at + 4 > end:
                raise ValueError("the frame ends in a VLAN tag")
            # Priority and drop eligibility are no part of a VLAN's number.
            vlans += bytes((data[at] & 0x0F, data[at + 1]))
            at += 2
        elif kind == _PPP_SESSION:
            return _point_to_point(data, at + 6, end, vlans)
        else:
            return None


def _ethernet(data: bytes, start: int, end: int) -> Frame | None:
    return _tagged(data, start + 12, end)


def _cooked(data: bytes, start: int, end: int) -> Frame | None:
    return _tagged(data, start + 14, end)


def _cooked2(data: bytes, start: int, end: int) -> Frame | None:
    if start + 20 > end:
        raise ValueError("the frame ends in its link header")
    kind = data[start] << 8 | data[start + 1]
    if kind in (_IP4, _IP6):
        return start + 20, b""
    if kind in _VLANS:
        if start + 24 > end:
            raise ValueError("the frame ends in a VLAN tag")
        vlan = bytes((data[start + 20] & 0x0F, data[start + 21]))
        inner = _tagged(data, start + 22, end)
        return inner and (inner[0], vlan + inner[1])
    return None


def _raw(data: bytes, start: int, end: int) -> Frame | None:
    if start >= end:
        raise ValueError("the frame is empty")
    return (start, b"") if data[start] >> 4 in (4, 6) else None


def _loopback(data: bytes, start: int, end: int) -> Frame | None:
    """Four octets, in the order of whichever machine captured, name the family."""
    if start + 4 > end:
        raise ValueError("the frame ends in its link header")
    family = data[start : start + 4]
    # IPv4 is 2 everywhere; IPv6 is 10 on Linux, 24 to 30 on the BSDs and macOS.
    if family.strip(b"\0") in (b"\x02", b"\x0a", b"\x18", b"\x1c", b"\x1e"):
        return _raw(data, start + 4, end)
    return None


def _ppp(data: bytes, start: int, end: int) -> Frame | None:
    # Address and control, where they were not left out by agreement.
    framed = data[start : start + 2] == b"\xff\x03"
    return _point_to_point(data, start + 2 if framed else start, end, b"")


def _point_to_point(data: bytes, at: int, end: int, vlans: bytes) -> Frame | None:
    if at + 2 > end:
        raise ValueError("the frame ends in its link header")
    kind = data[at] << 8 | data[at + 1]
    return (at + 2, vlans) if kind in (0x0021, 0x0057) else None


LINKS: Mapping[int, Link] = {
    0: _loopback,
    ETHERNET: _ethernet,
    9: _ppp,
    50: _ppp,
    108: _loopback,
    SLL: _cooked,
    276: _cooked2,
    # Raw IP, by whichever number a system knows it.
    12: _raw,
    14: _raw,
    101: _raw,
    228: _raw,
    229: _raw,
}
"""By the number of the link type that pcap and pcapng give."""

_NAMES = {105: "802.11", 127: "802.11 with radiotap", 147: "private", 189: "USB"}


def link_name(number: int) -> str:
    """Return how an unread link type is spoken of."""
    name = _NAMES.get(number)
    return f"link type {number} ({name})" if name else f"link type {number}"

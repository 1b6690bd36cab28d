"""segment.py: from an IP packet to the TCP segment in it."""

from __future__ import annotations

import pytest

from sslmagic.capture.segment import Fragment, NotTCP, Segment, segment
from tests.sslmagic.capture.wired import FIN, ip4, ip6, tcp

TCP = tcp((50000, 443), 7, b"data", ack=9, flags=FIN, options=b"\1\1\1\1")


def read(packet: bytes, *, more: int = 0) -> Segment | Fragment | NotTCP:
    return segment(packet, 0, len(packet), length=len(packet) + more)


@pytest.mark.parametrize(
    "packet",
    [
        ip4(TCP),
        ip4(TCP, options=b"\1" * 8),
        ip4(TCP) + b"padding",
        ip4(TCP, total=0),
        ip6(TCP),
        ip6(TCP, length=0),
        ip6(b"\x3c\0" + bytes(6) + b"\x06\x01" + bytes(14) + TCP, following=0),
        ip6(b"\x06\x04" + bytes(22) + TCP, following=51),
        ip6(b"\x06\0\0\0\0\0\0\x01" + TCP, following=44),
    ],
    ids=[
        "4",
        "4 options",
        "4 padded",
        "4 TSO",
        "6",
        "6 TSO",
        "6 two",
        "6 AH",
        "6 atom",
    ],
)
def test_the_data_of_a_segment_are_found(packet: bytes) -> None:
    found = read(packet)
    assert isinstance(found, Segment)
    assert packet[found.start : found.end] == b"data"
    assert (found.seq, found.ack, found.flags & 0x0F) == (7, 9, FIN)
    assert found.length == 4
    assert found.key[-4:] == b"\xc3\x50\x01\xbb"
    assert found.key[:4] == (b"\x0a\0\0\x01" if packet[0] >> 4 == 4 else bytes(4))


def test_what_snaplen_cut_off_was_there() -> None:
    packet = ip4(TCP)
    found = segment(packet, 0, len(packet) - 3, length=len(packet))
    assert isinstance(found, Segment)
    assert (found.end - found.start, found.length) == (1, 4)


def test_other_protocols_are_named() -> None:
    assert read(ip4(b"x", protocol=17)) == NotTCP(17)
    assert read(ip6(b"x", following=58)) == NotTCP(58)


def test_fragments_say_where_they_belong() -> None:
    found = read(ip4(b"12345678", fragment=0x2000 | 3))
    assert isinstance(found, Fragment)
    assert (found.offset, found.more, found.protocol) == (24, True, 6)
    packet = ip6(b"\x06\0\0\x18\0\0\0\x01" + b"12345678", following=44)
    found = read(packet)
    assert isinstance(found, Fragment)
    assert (found.offset, found.more, packet[found.start : found.end]) == (
        24,
        False,
        b"12345678",
    )


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"", "no IP header"),
        (b"\x00" * 20, "version 0"),
        (ip4(TCP)[:19], "in its IPv4 header"),
        (b"\x44" + ip4(TCP)[1:], "IPv4 header of 16 octets"),
        (ip4(TCP, total=19), "header of 20 octets in a packet of 19"),
        (ip4(TCP, total=500), "500 octets in"),
        (ip4(TCP[:19]), "in its TCP header"),
        (ip4(TCP[:12] + b"\x40" + TCP[13:]), "TCP header of 16 octets"),
        (ip4(TCP[:12] + b"\xf0" + TCP[13:]), "TCP header of 60 octets"),
        (ip6(TCP)[:39], "in its IPv6 header"),
        (ip6(TCP, length=500), "540 octets in"),
        (ip6(b"\x06", following=0), "in an IPv6 extension header"),
        (ip6(b"\x06\0\0\0", following=44), "in its fragment header"),
        (ip6(b"\x06\xff" + bytes(30), following=0), "in its TCP header"),
    ],
)
def test_headers_that_contradict_themselves_are_said_to(
    packet: bytes, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read(packet)

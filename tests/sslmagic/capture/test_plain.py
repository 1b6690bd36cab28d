"""plain.py: the values of headers that may take the short way."""

from __future__ import annotations

import struct

import pytest

from sslmagic.capture.plain import ACKNOWLEDGED, FORWARD, HEADS, IP4, LOOK, TAIL, seen
from tests.sslmagic.capture.wired import FIN, SYN, ip4, ip6, tcp


def test_a_look_sees_what_it_wants() -> None:
    packet = ip4(tcp((50000, 443), 7, b"data", ack=9, options=b"\1\1\1\1"))
    head, total, forward, key, seq, flags = struct.unpack_from(
        ">" + LOOK, b"\x08\0" + packet
    )
    assert struct.calcsize(">" + LOOK) == TAIL
    assert head in IP4
    assert forward in FORWARD
    assert total - HEADS[flags] == 4
    assert (key, seq) == (b"\x0a\0\0\x01\x0a\0\0\x02\xc3\x50\x01\xbb", 7)
    assert ACKNOWLEDGED(packet, 28) == (9,)


def test_nothing_else_is_plain() -> None:
    assert 0x08004600 not in IP4
    assert 0x20004006 not in FORWARD
    assert 0x40004011 not in FORWARD
    assert all(flags & 0x27 == 0 and flags & 0x10 for flags in HEADS)


PORTS = b"\xc3\x50\x01\xbb"


def test_a_plain_segment_is_seen_in_either_ip() -> None:
    segment = tcp((50000, 443), 7, b"data", options=bytes(12))
    four = b"\xee" + ip4(segment) + b"\xee" * 9
    assert seen(four, 1, len(four)) == (b"\x0a\0\0\x01\x0a\0\0\x02" + PORTS, 7, 4)
    six = b"\xee" + ip6(segment) + b"\xee" * 9
    key = bytes(15) + b"\x01" + bytes(15) + b"\x02" + PORTS
    assert seen(six, 1, len(six)) == (key, 7, 4)


@pytest.mark.parametrize(
    "packet",
    [
        ip4(tcp((1, 2), 7, bytes(40), flags=SYN)),
        ip4(tcp((1, 2), 7, bytes(40), flags=FIN)),
        ip4(tcp((1, 2), 7, bytes(40), ack=None)),
        ip4(tcp((1, 2), 7, bytes(40)), options=bytes(4)),
        ip4(tcp((1, 2), 7, bytes(40)), fragment=0x2000),
        ip4(tcp((1, 2), 7, bytes(40)), protocol=17),
        ip4(tcp((1, 2), 7, bytes(40)), total=39),
        ip4(tcp((1, 2), 7, bytes(40)), total=0),
        ip4(tcp((1, 2), 7, bytes(40)), total=81),
        ip4(tcp((1, 2), 7)),
        ip6(tcp((1, 2), 7, bytes(40)), following=0),
        ip6(tcp((1, 2), 7, bytes(40)), length=19),
        ip6(tcp((1, 2), 7, bytes(40)), length=61),
        ip6(tcp((1, 2), 7, bytes(40)), length=0),
        ip6(tcp((1, 2), 7, bytes(40), flags=SYN)),
        b"\x55" + bytes(79),
    ],
)
def test_what_is_not_plain_is_not_seen(packet: bytes) -> None:
    assert seen(packet, 0, len(packet)) is None

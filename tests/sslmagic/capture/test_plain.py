"""plain.py: the values of headers that may take the short way."""

from __future__ import annotations

import struct

from sslmagic.capture.plain import ACKNOWLEDGED, FORWARD, HEADS, IP4, LOOK, TAIL
from tests.sslmagic.capture.wired import ip4, tcp


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

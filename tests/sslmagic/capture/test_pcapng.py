"""pcapng.py: sections, interfaces and blocks, in both orders, and broken ones."""

from __future__ import annotations

import io
import struct
import tracemalloc

import pytest

from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader
from sslmagic.capture.flows import Flows
from sslmagic.errors import CaptureError
from tests.sslmagic.capture.wired import (
    T0,
    Talk,
    block,
    cooked,
    interface,
    packet_block,
    pcapng,
    read,
    section,
)


def talk() -> Talk:
    one = Talk(step=1_000_000)
    one.open()
    for number in range(20):
        one.add(0, number * 10, bytes([number]) * 10)
    one.close(200, 0)
    return one


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("plain", [False, True])
def test_both_orders(order: str, plain: bool) -> None:
    (one,) = read(pcapng(talk().frames(), order=order), wanted=15, plain=plain)
    assert one.sent.octets == bytes(10) + b"\1" * 5
    assert (one.opened, one.closed) == (T0 + 1_000_000, T0 + 26_000_000)
    assert one.sent.packets == 24


@pytest.mark.parametrize(
    ("resolution", "per_second"),
    [
        (0, 1),
        (3, 1000),
        (6, 10**6),
        (9, 10**9),
        (0x80 | 10, 1024),
        (0x80 | 32, 1 << 32),
    ],
)
@pytest.mark.parametrize("offset", [0, 1000, -1000])
@pytest.mark.parametrize("order", ["<", ">"])
def test_resolutions(resolution: int, per_second: int, offset: int, order: str) -> None:
    one = talk()
    one.packets = one.packets[:-3]
    options = [
        (9, bytes((resolution,))),
        (14, struct.pack(order + "q", offset)),
        (0, b""),
        (9, b"\x07"),
    ]
    octets = section(order) + interface(order, options=options)
    for time, frame in one.frames():
        ticks = (time - offset * 10**9) * per_second // 10**9
        octets += packet_block(frame, ticks, order)
    (found,) = read(octets, wanted=0)
    last = one.packets[-1][0]
    assert 0 <= last - found.closed <= 10**9 // per_second + 1


def test_interfaces_have_their_own_link_and_clock() -> None:
    octets = section() + interface() + interface(link=113, options=[(9, b"\x09")])
    octets += interface(link=101) + interface()
    for number, (time, packet) in enumerate(talk().packets):
        match number % 4:
            case 1:
                octets += packet_block(cooked(packet), time, number=1)
            case 2:
                octets += packet_block(packet, time // 1000, number=2)
            case which:
                frame = bytes(12) + b"\x08\0" + packet
                octets += packet_block(frame, time // 1000, number=which)
    for plain in (True, False):
        (one,) = read(octets, wanted=200, plain=plain)
        assert (one.sent.length, one.closed) == (200, T0 + 26_000_000)
        assert one.sent.retransmitted == one.sent.reordered == 0


def test_sections_begin_anew() -> None:
    frames = talk().frames()
    octets = pcapng(frames[:5]) + pcapng(frames[5:12], order=">") + pcapng(frames[12:])
    for plain in (True, False):
        (one,) = read(octets, wanted=0, plain=plain)
        assert (one.sent.length, one.closed) == (200, T0 + 26_000_000)


def test_other_blocks_are_skipped() -> None:
    octets = section() + interface()
    for time, frame in talk().frames():
        octets += block(5, bytes(20)) + packet_block(
            frame, time // 1000, options=struct.pack("<HH8sI", 1, 8, b"comment!", 0)
        )
        octets += block(0x0BAD, b"whatever")
    (one,) = read(octets, wanted=0)
    assert one.sent.length == 200


@pytest.mark.parametrize("order", ["<", ">"])
def test_obsolete_packet_blocks_are_read(order: str) -> None:
    octets = section(order) + interface(order)
    for time, frame in talk().frames():
        ticks = time // 1000
        head = struct.pack(
            order + "HHIIII",
            *(0, 99, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)),
        )
        octets += block(2, head + frame, order)
    (one,) = read(octets, wanted=0)
    assert (one.sent.length, one.closed) == (200, T0 + 26_000_000)


def test_simple_packet_blocks_have_no_time() -> None:
    octets = section() + interface(snaplen=65)
    for _, frame in talk().frames():
        octets += block(3, struct.pack("<I", len(frame)) + frame[:65])
    (one,) = read(octets, wanted=0)
    assert (one.sent.length, one.opened, one.closed) == (200, 0, 0)


GOOD = section() + interface()
FRAME = Talk()
FRAME.open()
ONE = packet_block(FRAME.frames()[0][1], 1)


@pytest.mark.parametrize(
    ("octets", "offset", "said"),
    [
        (GOOD[:8], 8, "ends in its header"),
        (GOOD[:8] + b"????" + GOOD[12:], 0, "byte order"),
        (GOOD[:12] + b"\x02" + GOOD[13:], 0, "version 2"),
        (block(0x0A0D0D0A, b"\x4d\x3c\x2b\x1a"), 0, "header of 16 octets"),
        (section() + block(1, b"\x01\0\0\0"), 28, "too short"),
        (GOOD + struct.pack("<II", 6, 8) + bytes(20), 48, "a block of 8 octets"),
        (GOOD + struct.pack("<II", 6, 33) + bytes(40), 48, "a block of 33 octets"),
        (GOOD + struct.pack("<II", 6, 1 << 30) + bytes(40), 48, "1073741824 octets"),
        (GOOD + block(6, bytes(12)), 48, "too short for its packet"),
        (GOOD + packet_block(b"x", 0, number=3), 48, "interface 3"),
        (GOOD + ONE[:20] + b"\xff" + ONE[21:], 48, "octets in"),
        (GOOD + ONE[:-1], 48, "within a packet"),
        (GOOD + ONE + ONE[:5], 48 + len(ONE), "of which it has 5 octets"),
    ],
)
def test_what_is_broken_is_named(octets: bytes, offset: int, said: str) -> None:
    found: list[Conversation] = []
    with pytest.raises(CaptureError, match=said) as caught:
        found.extend(Reader([io.BytesIO(octets)], wanted=lambda _: 0))
    assert caught.value.offset == offset


class TestHostile:
    """What costs the reader no more than the sender."""

    @pytest.mark.parametrize("orders", ["<", "<>"], ids=["alike", "differing"])
    def test_sections_do_not_go_through_what_is_open_each_time(
        self, orders: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settled: list[Flows] = []
        settle = Flows.settle

        def counted(flows: Flows) -> None:
            settled.append(flows)
            settle(flows)

        monkeypatch.setattr(Flows, "settle", counted)
        one = talk()
        octets = b"".join(
            section(order) + interface(order) + packet_block(frame, time // 1000, order)
            for order in orders
            for time, frame in one.frames() * (200 // len(orders))
        )
        seen = [read(octets, wanted=0, plain=plain) for plain in (True, False)]
        assert seen[0] == seen[1]
        assert 1 <= len(settled) <= (1 if len(orders) == 1 else 65)

    def test_options_are_not_kept(self) -> None:
        options = struct.pack("<HH", 1, 0) * (1 << 17)
        octets = section() + block(1, struct.pack("<HHI", 1, 0, 0) + options) + ONE
        tracemalloc.start()
        try:
            assert len(read(octets, wanted=0)) == 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 * len(octets)

    def test_interfaces_have_an_end(self) -> None:
        octets = section() + interface() * (1 << 16)
        assert len(read(octets + ONE, wanted=0)) == 1
        with pytest.raises(CaptureError, match="more than 65536 interfaces"):
            read(octets + interface(), wanted=0)

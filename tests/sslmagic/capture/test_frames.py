"""frames.py: what is counted, and fragments that become one packet again."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from sslmagic.capture.conversation import Conversation, Counts
from sslmagic.capture.conversations import Reader
from sslmagic.capture.flows import Flows
from sslmagic.capture.frames import Frames
from sslmagic.capture.link import LINKS
from tests.sslmagic.capture.wired import (
    T0,
    Talk,
    cooked,
    ethernet,
    interface,
    ip4,
    ip6,
    packet_block,
    pcap,
    section,
    tcp,
)

SECOND = 10**9
DATA = bytes(range(200))
TCP = tcp((50000, 443), 7, DATA)


def seen(
    frames: Sequence[bytes], *, step: int = 1000, snaplen: int = 262144, link: int = 1
) -> tuple[list[Conversation], Counts]:
    timed = [(T0 + step * number, frame) for number, frame in enumerate(frames)]
    capture = io.BytesIO(pcap(timed, snaplen=snaplen, link=link))
    reader = Reader([capture], wanted=lambda _: 1000)
    return list(reader), reader.counts


def parts4(*cuts: int, identification: int = 9) -> list[bytes]:
    found = []
    for begin, end in zip((0, *cuts), (*cuts, len(TCP)), strict=True):
        more = 0x2000 if end < len(TCP) else 0
        found.append(
            ethernet(
                ip4(
                    TCP[begin:end],
                    fragment=more | begin >> 3,
                    identification=identification,
                )
            )
        )
    return found


def parts6(*cuts: int) -> list[bytes]:
    found = []
    for begin, end in zip((0, *cuts), (*cuts, len(TCP)), strict=True):
        head = b"\x06\0" + (begin | (end < len(TCP))).to_bytes(2, "big") + b"abcd"
        found.append(ethernet(ip6(head + TCP[begin:end], following=44)))
    return found


@pytest.mark.parametrize("parts", [parts4(64, 128), parts6(64, 128)], ids=["4", "6"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 1, 2)])
def test_fragments_become_one_packet(
    parts: list[bytes], order: tuple[int, ...]
) -> None:
    (one,), counts = seen([parts[number] for number in order])
    assert one.sent.octets == DATA
    assert one.sent.packets == 1
    assert (counts.fragments, counts.incomplete) == (len(order), 0)


def test_fragments_of_several_packets_are_kept_apart() -> None:
    one, other = parts4(64), parts4(128, identification=10)
    (found,), _ = seen([one[0], other[1], one[1], other[0]])
    assert (found.sent.octets, found.sent.packets) == (DATA, 2)


def test_fragments_that_stay_alone_are_counted() -> None:
    found, counts = seen([*parts4(64)[:1], ethernet(ip4(b"x", protocol=17))])
    assert found == []
    assert (counts.fragments, counts.incomplete, counts.not_tcp) == (1, 1, 1)


def test_fragments_wait_as_long_as_linux_lets_them() -> None:
    first, second = parts4(64)
    assert len(seen([first, second], step=20 * SECOND)[0]) == 1
    found, counts = seen([first, second], step=60 * SECOND)
    assert (found, counts.incomplete) == ([], 2)


def test_fragments_that_wait_are_bounded() -> None:
    first = [parts4(64, identification=number)[0] for number in range(300)]
    found, counts = seen(first)
    assert (found, counts.incomplete) == ([], 300)
    found, counts = seen([parts4(64)[0]] * 300)
    assert (found, counts.fragments) == ([], 300)


def test_fragments_that_contradict_each_other_are_dropped() -> None:
    first, second, third = parts4(64, 128)
    payload = TCP[56:64] + bytes(8)
    other = ethernet(ip4(payload, fragment=0x2000 | 7, identification=9))
    assert seen([first, other, second, third])[0] == []


def test_everything_is_counted() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    broken = ethernet(ip4(TCP, total=19))
    frames = [arp, ethernet(ip4(b"x", protocol=17)), broken, ethernet(ip4(TCP))]
    found, counts = seen(frames)
    assert len(found) == 1
    assert counts.packets == 4
    assert counts.octets == sum(map(len, frames))
    assert (counts.not_ip, counts.not_tcp, counts.unreadable) == (1, 1, 1)
    (example,) = counts.examples
    assert example.offset == 24 + 16 + 60 + 16 + 60
    assert "header of 20 octets" in example.fault


def test_only_a_few_of_the_unreadable_are_named() -> None:
    _, counts = seen([ethernet(ip4(TCP, total=19))] * 100)
    assert (counts.unreadable, len(counts.examples)) == (100, 20)


@pytest.mark.parametrize("snaplen", [14, 30, 50, 96])
def test_what_is_cut_off_is_counted_and_not_blamed(snaplen: int) -> None:
    frame = ethernet(ip4(TCP))
    found, counts = seen([frame], snaplen=snaplen)
    assert (counts.cut, counts.unreadable, counts.octets) == (1, 0, len(frame))
    assert len(found) == (snaplen > 53)
    if found:
        assert found[0].sent.octets == DATA[: snaplen - 54]
        assert (found[0].sent.missing, found[0].sent.length) == (snaplen - 54, 200)


@pytest.mark.parametrize(
    ("link", "frame"),
    [(101, ip4(TCP)), (113, cooked(ip4(TCP))), (228, ip4(TCP)), (101, ip6(TCP))],
)
def test_other_links_are_read(link: int, frame: bytes) -> None:
    (one,), _ = seen([frame], link=link)
    assert one.sent.octets == DATA


def test_vlans_keep_conversations_apart() -> None:
    frames = [
        ethernet(ip4(TCP)),
        ethernet(ip4(TCP), vlans=[(0x8100, 7)]),
        ethernet(ip4(TCP), vlans=[(0x88A8, 7), (0x8100, 8)]),
    ]
    found, _ = seen(frames)
    assert [one.vlans for one in found] == [(), (7,), (7, 8)]


def test_interfaces_of_an_unread_link_are_no_fault() -> None:
    octets = section() + interface(link=105) + packet_block(bytes(60), 0)
    reader = Reader([io.BytesIO(octets)], wanted=lambda _: 0)
    assert list(reader) == []
    assert reader.counts.not_ip == 1


def part4(begin: int, octets: bytes, *, more: bool = True) -> bytes:
    place = (0x2000 if more else 0) | begin >> 3
    return ethernet(ip4(octets, fragment=place, identification=9))


@pytest.mark.parametrize(
    ("begin", "end", "kept"),
    [(64, 128, True), (72, 120, True), (56, 72, True), (120, 136, False)],
    ids=["the same", "within", "across two in order", "across the end"],
)
def test_parts_that_come_again_are_left_out_and_those_that_overlap_spoil_all(
    begin: int, end: int, *, kept: bool
) -> None:
    """Whatever their octets, as Linux has it since RFC 5722."""
    first, second, third = parts4(64, 128)
    for octets in (TCP[begin:end], bytes(end - begin)):
        found, _ = seen([first, second, part4(begin, octets), third])
        assert [one.sent.octets for one in found] == [DATA] * kept


def test_parts_across_two_that_came_in_another_order_spoil_all() -> None:
    first, second, third = parts4(64, 128)
    assert seen([second, first, part4(56, TCP[56:72]), third])[0] == []


def test_octets_of_fragments_that_wait_are_bounded() -> None:
    frames = [
        ethernet(
            ip4(bytes(60000), fragment=0x2000 | 8000 * part, identification=number)
        )
        for number in range(50)
        for part in (0, 1)
    ]
    timed = [(T0 + number, frame) for number, frame in enumerate(frames)]
    counts = Counts()
    flows = Flows("-", wanted=lambda _: 0, answer=0, counts=counts, number=0)
    taken = Frames(flows, counts)
    most = 0
    for time, frame in timed:
        length = len(frame)
        taken.take(LINKS[1], frame, 0, length, length=length, time=time, place=0)
        held = sum(parts.octets for parts in taken.waiting.values())
        assert held == taken.octets
        most = max(most, held)
    assert 3 << 20 < most <= 4 << 20


def test_a_packet_of_which_parts_are_lacking_is_a_gap() -> None:
    """If its receiver acknowledges it, and not if it does not."""
    talk = Talk()
    talk.open()
    frames = talk.frames()
    for acked, missing in ((200, 0), (0, None)):
        answer = tcp((443, 50000), 9001, ack=1001 + acked)
        packet = ip4(answer, source=b"\x0a\0\0\x02", destination=b"\x0a\0\0\x01")
        data = tcp((50000, 443), 1001, DATA, ack=9001)
        begun = [part4(0, data[:64]), ethernet(packet)]
        found, counts = seen([*(frame for _, frame in frames), *begun])
        assert (found[0].sent.missing, counts.incomplete) == (missing, 1)


@pytest.mark.parametrize("link", [1, 276])
@pytest.mark.parametrize("six", [False, True])
def test_the_shorter_way_gives_the_same(link: int, *, six: bool) -> None:
    def packet(
        side: int, seq: int, data: bytes = b"", *, ack: int | None, flags: int = 0
    ) -> bytes:
        ports = (50000, 443) if not side else (443, 50000)
        segment = tcp(ports, seq, data, ack=ack, flags=flags, options=bytes(12))
        if six:
            hosts = bytes(15) + b"\x01", bytes(15) + b"\x02"
            inner = ip6(segment, source=hosts[side], destination=hosts[1 - side])
        else:
            hosts = b"\x0a\0\0\x01", b"\x0a\0\0\x02"
            inner = ip4(segment, source=hosts[side], destination=hosts[1 - side])
        if link == 276:
            return (b"\x86\xdd" if six else b"\x08\0") + bytes(18) + inner
        return ethernet(inner, vlans=[(0x8100, 7)])

    sent = 101 + len(DATA)
    frames = [
        packet(0, 100, flags=2, ack=None),
        packet(1, 500, flags=2, ack=101),
        packet(0, 101, DATA, ack=501),
        *(packet(1, 501 + 100 * at, bytes(100), ack=sent) for at in range(40)),
        packet(0, sent, ack=4501),
        packet(1, 501, bytes(100), ack=sent),
        packet(1, 4601, bytes(100), ack=sent),
        packet(1, 4501, bytes(100), ack=sent),
    ]
    timed = [(T0 + 5000 * number, frame) for number, frame in enumerate(frames)]
    capture = pcap(timed, link=link)
    readers = [
        Reader([io.BytesIO(capture)], wanted=lambda _: len(DATA), plain=plain)
        for plain in (True, False)
    ]
    (short,), (long,) = map(list, readers)
    assert short == long
    assert readers[0].counts == readers[1].counts
    assert (short.sent.octets, short.answered.packets) == (DATA, 44)
    assert (short.answered.length, short.answered.reordered) == (4200, 1)

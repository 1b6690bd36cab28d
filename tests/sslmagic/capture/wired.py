"""Packets and captures, octet by octet, for whoever tests what reads them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence

from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader

__all__ = [
    "ACK",
    "FIN",
    "PSH",
    "RST",
    "SYN",
    "T0",
    "URG",
    "Talk",
    "block",
    "cooked",
    "ethernet",
    "interface",
    "ip4",
    "ip6",
    "packet_block",
    "pcap",
    "pcapng",
    "read",
    "section",
    "summed",
    "tcp",
]

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
T0 = 1_700_000_000_000_000_000
"""Ns since 1970 of what comes first."""

Timed = tuple[int, bytes]


def tcp(
    ports: tuple[int, int],
    seq: int,
    data: bytes = b"",
    *,
    ack: int | None = 0,
    flags: int = 0,
    options: bytes = b"",
) -> bytes:
    if ack is not None:
        flags |= ACK
    return (
        struct.pack(
            ">HHIIBBHHH",
            *(*ports, seq & 0xFFFFFFFF, (ack or 0) & 0xFFFFFFFF),
            *((20 + len(options)) << 2, flags, 1000, 0, 0),
        )
        + options
        + data
    )


def ip4(
    payload: bytes,
    *,
    source: bytes = b"\x0a\0\0\x01",
    destination: bytes = b"\x0a\0\0\x02",
    options: bytes = b"",
    total: int | None = None,
    protocol: int = 6,
    fragment: int = 0x4000,
    identification: int = 1,
) -> bytes:
    size = 20 + len(options)
    if total is None:
        total = size + len(payload)
    return (
        struct.pack(
            ">BBHHHBBH",
            *(0x40 | size >> 2, 0, total, identification, fragment),
            *(64, protocol, 0),
        )
        + source
        + destination
        + options
        + payload
    )


def summed(packet: bytes, *, change: int = 0, urgent: int = 0) -> bytes:
    """An IPv4 packet of TCP with its checksum, which is right without *change*."""
    head, data = packet[:20], packet[20:36] + bytes(2) + urgent.to_bytes(2, "big")
    data += packet[40:]
    words = head[12:20] + struct.pack(">HH", 6, len(data)) + data + bytes(len(data) & 1)
    total = sum(struct.unpack(f">{len(words) >> 1}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    checksum = struct.pack(">H", total ^ 0xFFFF ^ change)
    return head + data[:16] + checksum + data[18:]


def ip6(
    payload: bytes,
    *,
    source: bytes = bytes(15) + b"\x01",
    destination: bytes = bytes(15) + b"\x02",
    following: int = 6,
    length: int | None = None,
) -> bytes:
    size = len(payload) if length is None else length
    return struct.pack(">IHBB", 6 << 28, size, following, 64) + (
        source + destination + payload
    )


def ethernet(packet: bytes, *, vlans: Sequence[tuple[int, int]] = ()) -> bytes:
    kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
    tags = b"".join(struct.pack(">HH", *tag) for tag in vlans)
    return (bytes(12) + tags + kind + packet).ljust(60, b"\xee")


def cooked(packet: bytes) -> bytes:
    kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return struct.pack(">HHH8s", 0, 1, 6, b"") + kind + packet


def pcap(
    frames: Iterable[Timed],
    *,
    order: str = "<",
    nanoseconds: bool = False,
    link: int = 1,
    snaplen: int = 262144,
) -> bytes:
    unit = 1 if nanoseconds else 1000
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    octets = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)
    for time, frame in frames:
        kept = frame[:snaplen]
        second, rest = divmod(time, 10**9)
        sizes = (len(kept), len(frame))
        octets += struct.pack(order + "IIII", second, rest // unit, *sizes) + kept
    return octets


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    order: str = "<",
    *,
    link: int = 1,
    snaplen: int = 0,
    options: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    body = struct.pack(order + "HHI", link, 0, snaplen)
    for kind, value in options:
        body += struct.pack(order + "HH", kind, len(value))
        body += value + bytes(-len(value) % 4)
    return block(1, body, order)


def packet_block(
    frame: bytes,
    ticks: int,
    order: str = "<",
    *,
    number: int = 0,
    length: int | None = None,
    options: bytes = b"",
) -> bytes:
    sizes = (len(frame), len(frame) if length is None else length)
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, *sizes)
    return block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def pcapng(frames: Iterable[Timed], *, order: str = "<", link: int = 1) -> bytes:
    packets = (packet_block(frame, time // 1000, order) for time, frame in frames)
    return section(order) + interface(order, link=link) + b"".join(packets)


class Talk:
    """One conversation, written packet by packet; offsets are those of the streams."""

    def __init__(
        self,
        *,
        ports: tuple[int, int] = (50000, 443),
        isns: tuple[int, int] = (1000, 9000),
        step: int = 10_000_000,
    ) -> None:
        self.ports = ports
        self.isns = isns
        self.step = step
        self.time = T0
        self.packets: list[Timed] = []
        """IP packets."""

    def add(
        self,
        side: int,
        offset: int,
        data: bytes = b"",
        *,
        flags: int = 0,
        acked: int | None = 0,
        after: int | None = None,
    ) -> None:
        """Let *side* (0: the peer) send *data* at *offset*; -1 is where a SYN is."""
        self.time += self.step if after is None else after
        ports = self.ports if not side else (self.ports[1], self.ports[0])
        hosts = (b"\x0a\0\0\x01", b"\x0a\0\0\x02")
        seq = self.isns[side] + 1 + offset
        ack = None if acked is None else self.isns[1 - side] + 1 + acked
        segment = tcp(ports, seq, data, ack=ack, flags=flags)
        source, destination = hosts if not side else hosts[::-1]
        self.packets.append(
            (self.time, ip4(segment, source=source, destination=destination))
        )

    def open(self) -> None:
        self.add(0, -1, flags=SYN, acked=None)
        self.add(1, -1, flags=SYN)
        self.add(0, 0)

    def close(self, sent: int, answered: int) -> None:
        self.add(0, sent, flags=FIN, acked=answered)
        self.add(1, answered, flags=FIN, acked=sent + 1)
        self.add(0, sent + 1, acked=answered + 1)

    def sum(self, *, change: int = 0, urgent: int = 0) -> None:
        """Give the last packet its checksum, and an urgent pointer."""
        time, packet = self.packets[-1]
        self.packets[-1] = time, summed(packet, change=change, urgent=urgent)

    def frames(self) -> list[Timed]:
        return [(time, ethernet(packet)) for time, packet in self.packets]


def read(
    capture: bytes, *, wanted: int = 100, plain: bool = True, answer: int = 16
) -> list[Conversation]:
    """The conversations of a capture, of whose fronts so many octets are wanted."""
    reader = Reader(
        [io.BytesIO(capture)], wanted=lambda _: wanted, answer=answer, plain=plain
    )
    return sorted(reader, key=lambda one: one.number)

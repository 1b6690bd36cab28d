"""Captures for tests of the command: classic pcap, Ethernet, written by hand."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from tests.sslmagic.capture.made import CLIENT, GATEWAY, NODE, SHOP, START, hello

__all__ = [
    "ALERT",
    "EVIL",
    "HEADER",
    "SERVER_HELLO",
    "Talk",
    "both_sides",
    "capture",
    "mixed",
    "packets",
]

HEADER = struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
SYN, SYN_ACK, ACK, DATA, FIN, RST = 2, 18, 16, 24, 17, 4
MS = 1_000_000
SERVER_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(116)
ALERT = b"\x15\x03\x03\x00\x02\x02\x0a"
EVIL = b"</script><img src=x onerror=alert(1)>\x1b[31m"
"""A name that a client asks for, and that nothing may run."""


class Talk(NamedTuple):
    """What one connection says."""

    sent: Sequence[bytes] = ()
    """From the peer, a segment each."""
    answer: bytes = b""
    peer: Endpoint = GATEWAY
    listener: Endpoint = NODE
    opened: int = START
    end: int = FIN
    """The flags of the peer's last packet; 0 for none."""


def capture(path: Path, talks: Iterable[Talk]) -> str:
    """Write a capture, in the order of time; its name is returned."""
    written = sorted(
        (packet for talk in talks for packet in packets(talk)),
        key=lambda packet: packet[0],
    )
    octets = HEADER + b"".join(record(*packet) for packet in written)
    path.write_bytes(octets)
    return str(path)


def record(time: int, frame: bytes) -> bytes:
    seconds, rest = divmod(time, 1_000_000_000)
    head = struct.pack("!IIII", seconds, rest // 1000, len(frame), len(frame))
    return head + frame


def packets(talk: Talk) -> Iterator[tuple[int, bytes]]:
    """The packets of one connection, and when each is captured."""
    peer, listener, at = talk.peer, talk.listener, talk.opened
    sent, answered = 1000, 9000
    yield at, _frame(peer, listener, sent, 0, SYN)
    sent += 1
    yield at + MS // 2, _frame(listener, peer, answered, sent, SYN_ACK)
    answered += 1
    yield at + MS, _frame(peer, listener, sent, answered, ACK)
    for octets in talk.sent:
        at += MS
        yield at + MS, _frame(peer, listener, sent, answered, DATA, octets)
        sent += len(octets)
    if talk.answer:
        at += 4 * MS
        yield at, _frame(listener, peer, answered, sent, DATA, talk.answer)
        answered += len(talk.answer)
    if talk.end:
        at += 20 * MS
        yield at, _frame(peer, listener, sent, answered, talk.end)
    if talk.end == FIN:
        yield at + MS, _frame(listener, peer, answered, sent + 1, FIN)
        yield at + 2 * MS, _frame(peer, listener, sent + 1, answered + 1, ACK)


def both_sides(number: int, at: int = START) -> tuple[Talk, Talk]:
    """A client's connection to a gateway, and the gateway's to the node."""
    client = Endpoint(CLIENT.host, 50_000 + number)
    said = Preamble(source=client, destination=SHOP)
    tls = hello(random=number)
    peer = Endpoint(GATEWAY.host, 40_000 + number)
    front = Talk([tls], SERVER_HELLO, client, SHOP, at)
    return front, Talk([encode(said) + tls], SERVER_HELLO, peer, NODE, at + 2 * MS)


def mixed() -> list[Talk]:
    """One connection of each kind that matters."""
    ok = encode(Preamble(source=CLIENT, destination=SHOP))
    six = Preamble(source=("2001:db8::9", 51234), destination=("2001:db8::2", 443))
    proxy2 = encode(six, "proxy2", crc32c=True)
    wrong = proxy2[:-1] + bytes([proxy2[-1] ^ 1])
    spoofed = Preamble(source=("127.0.0.1", 9), destination=SHOP)
    name = hello(EVIL, 99)
    streams: list[tuple[Sequence[bytes], bytes, int]] = [
        ([ok[:5], ok[5:] + hello()], SERVER_HELLO, FIN),
        ([proxy2 + hello("www.example")], SERVER_HELLO, FIN),
        ([hello("shop.example")], ALERT, FIN),
        ([wrong + hello()], b"", RST),
        ([b"\xcd\x03\x03\xff\xf5MAGI\x11\x11\0" + bytes(200)], b"", FIN),
        ([ok + encode(Preamble.local(), "proxy2") + hello()], ALERT, FIN),
        ([encode(Preamble.local()) + hello("health.example")], SERVER_HELLO, FIN),
        ([encode(spoofed) + hello()], b"", FIN),
        ([ok[:11]], b"", FIN),
        ([], b"", FIN),
        ([name + encode(six, "proxy1")], b"", FIN),
        ([ok + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], b"HTTP/1.1 400 Bad\r\n", FIN),
    ]
    return [
        Talk(
            sent,
            answer,
            Endpoint(GATEWAY.host, GATEWAY.port + n),
            opened=START + n * 37 * MS,
            end=end,
        )
        for n, (sent, answer, end) in enumerate(streams)
    ]


def _frame(
    source: Endpoint,
    target: Endpoint,
    sequence: int,
    acknowledged: int,
    flags: int,
    octets: bytes = b"",
) -> bytes:
    ports = struct.pack("!HH", source.port, target.port)
    head = struct.pack("!IIBBHHH", sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    segment = ports + head + octets
    hosts = [ipaddress.ip_address(end.host).packed for end in (source, target)]
    if len(hosts[0]) == 4:
        length = 20 + len(segment)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0, 64, 6, 0) + b"".join(hosts)
        kind = b"\x08\x00"
    else:
        ip = struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + b"".join(hosts)
        kind = b"\x86\xdd"
    return bytes(12) + kind + ip + segment

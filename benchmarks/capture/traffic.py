"""A capture of mixed traffic, of any size, the same for the same seed."""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sslmagic import Preamble, encode

__all__ = ["make"]

_MSS = 1448
_LINK = bytes.fromhex("020000000002020000000001")
_NAMES = ("shop.example", "www.example", "api.shop.example", "static.example")
_SERVER_HELLO = bytes.fromhex("160303007a020000760303")
_BULK = random.Random(0).randbytes(1 << 18)
_BEGIN = 1_795_741_200_000_000
"""Microseconds since 1970 of the first packet."""
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16

_Packet = tuple[int, bytes]


def make(path: Path, *, octets: int, seed: int = 1) -> int:
    """Write a pcap file of about *octets* and return how many packets are in it.

    A gigabyte has some 100 000 connections, of which one in a hundred is a long one and
    two in three carry a preamble and TLS; beside them there are DNS and ARP.
    """
    chance = random.Random(seed)
    connections = max(10, octets // 10_000)
    packets = 0
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for time, frame in _merged(chance, connections):
            _write(file, time, frame)
            packets += 1
            if file.tell() >= octets:
                break
    return packets


def _write(file: BinaryIO, time: int, frame: bytes) -> None:
    file.write(
        struct.pack(
            "<IIII", time // 1_000_000, time % 1_000_000, len(frame), len(frame)
        )
        + frame
    )


def _merged(chance: random.Random, connections: int) -> Iterator[_Packet]:
    """All packets in the order of time; some 200 connections are open at any."""
    begins = _BEGIN
    going: list[tuple[int, int, Iterator[_Packet], bytes]] = []
    number = 0
    while number < connections or going:
        while number < connections and (not going or going[0][0] >= begins):
            one = _conversation(chance, number, begins)
            time, frame = next(one)
            heapq.heappush(going, (time, number, one, frame))
            number += 1
            begins += chance.randrange(2000)
            if not number % 10:
                yield begins, _other(chance)
        time, order, one, frame = going[0]
        yield time, frame
        following = next(one, None)
        if following is None:
            heapq.heappop(going)
        else:
            heapq.heapreplace(going, (following[0], order, one, following[1]))


def _conversation(chance: random.Random, number: int, time: int) -> Iterator[_Packet]:
    peer = struct.pack(">4sH", b"\x0a\x01" + (number // 50_000).to_bytes(2, "big"), 0)
    peer = peer[:4]
    listener = bytes((10, 0, 0, number % 20 + 1))
    ports = (10_000 + number % 50_000, chance.choice((443, 443, 8443)))
    seqs = [chance.getrandbits(32), chance.getrandbits(32)]

    def packet(side: int, flags: int, data: bytes = b"") -> _Packet:
        nonlocal time
        time += chance.randrange(20, 4000)
        hosts = (peer, listener) if not side else (listener, peer)
        source, destination = ports if not side else ports[::-1]
        options = b"" if not flags & _SYN else b"\x02\x04\x05\xb4\x01\x03\x03\x07"
        stamps = b"\x01\x01\x08\x0a" + struct.pack(">II", time // 1000 & 0xFFFFFFFF, 1)
        options += stamps
        size = 20 + len(options) + len(data)
        segment = (
            struct.pack(
                ">HHIIBBHHH",
                *(source, destination, seqs[side]),
                *(seqs[1 - side] if flags & _ACK else 0,),
                *((20 + len(options)) << 2, flags, 501, 0, 0),
            )
            + options
            + data
        )
        pseudo = hosts[0] + hosts[1] + struct.pack(">HH", 6, size)
        checksum = _checksum(pseudo + segment)
        head = struct.pack(
            ">BBHHHBBH", 0x45, 0, 20 + size, seqs[side] & 0xFFFF, 0x4000, 64, 6, 0
        )
        frame = b"".join(
            (
                *(_LINK, b"\x08\x00", head[:10]),
                _checksum(head + hosts[0] + hosts[1]),
                *(hosts[0], hosts[1], segment[:16], checksum, segment[18:]),
            )
        )
        grown = len(data) + (flags & (_SYN | _FIN) != 0)
        seqs[side] = (seqs[side] + grown) & 0xFFFFFFFF
        return time, frame

    yield packet(0, _SYN)
    yield packet(1, _SYN | _ACK)
    yield packet(0, _ACK)
    for data in _opening(chance, number):
        sent = packet(0, _ACK | _PSH, data)
        yield sent
        if not chance.randrange(100):
            yield time + 300_000, sent[1]
        yield packet(1, _ACK)
    long = not chance.randrange(100)
    rest = chance.randrange(100_000, 500_000) if long else chance.randrange(200, 9_000)
    yield packet(1, _ACK | _PSH, _SERVER_HELLO + _BULK[:122])
    while rest > 0:
        for _ in range(2):
            size = min(rest, _MSS)
            if size > 0:
                at = chance.randrange(1 << 17)
                yield packet(1, _ACK, _BULK[at : at + size])
                rest -= size
        yield packet(0, _ACK)
    if not chance.randrange(20):
        yield packet(0, _RST | _ACK)
        return
    yield packet(0, _FIN | _ACK)
    yield packet(1, _FIN | _ACK)
    yield packet(0, _ACK)


def _checksum(octets: bytes) -> bytes:
    """That of the Internet (RFC 1071), of octets that are padded to an even number."""
    total = int.from_bytes(octets + bytes(len(octets) & 1), "big") % 0xFFFF
    return (0xFFFF - total).to_bytes(2, "big")


def _opening(chance: random.Random, number: int) -> Iterator[bytes]:
    """What the peer sends first, segment by segment."""
    hello = _hello(chance.randbytes(32), chance.choice(_NAMES).encode())
    kind = number % 6
    if kind == 5:
        yield b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
        return
    if kind == 4:
        yield hello
        return
    preamble = Preamble(
        source=(f"203.0.113.{number % 254 + 1}", 1024 + number % 60_000),
        destination=("198.51.100.2", 443),
    )
    octets = encode(preamble, ("magic", "magic", "proxy1", "proxy2")[kind])
    if chance.randrange(2):
        yield octets + hello
    else:
        yield octets
        yield hello


def _hello(random: bytes, name: bytes) -> bytes:
    """A ClientHello of TLS 1.3, of the length that a client's has without PQ shares."""
    extensions = b"".join(
        kind.to_bytes(2, "big") + _vector(2, body)
        for kind, body in (
            (0, _vector(2, b"\0" + _vector(2, name))),
            (16, _vector(2, _vector(1, b"h2") + _vector(1, b"http/1.1"))),
            (43, _vector(1, b"\x03\x04\x03\x03")),
            (10, _vector(2, bytes.fromhex("001d00170018"))),
            (13, _vector(2, bytes.fromhex("0403080404010503080505010806"))),
            (51, _vector(2, b"\x00\x1d" + _vector(2, random))),
        )
    )
    body = b"\x03\x03" + random + _vector(1, random[::-1])
    body += _vector(2, bytes.fromhex("130113021303c02bc02fc02cc030"))
    body += b"\x01\0" + _vector(2, extensions)
    return b"\x16\x03\x01" + _vector(2, b"\x01" + _vector(3, body))


def _vector(size: int, octets: bytes) -> bytes:
    return len(octets).to_bytes(size, "big") + octets


def _other(chance: random.Random) -> bytes:
    if chance.randrange(2):
        return b"\xff" * 6 + _LINK[6:] + b"\x08\x06" + bytes(46)
    size = chance.randrange(40, 400)
    return (
        _LINK
        + b"\x08\x00"
        + struct.pack(">BBHHHBBH", 0x45, 0, 28 + size, 1, 0, 64, 17, 0)
        + b"\x0a\x00\x00\x09\x0a\x00\x00\x35"
        + struct.pack(">HHHH", 40_000, 53, 8 + size, 0)
        + _BULK[:size]
    )

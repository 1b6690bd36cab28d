"""Captures of connections, written packet by packet without anybody's help."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sslmagic.preamble import Endpoint

__all__ = ["Connection", "client_hello", "record"]

START = 1_795_741_200


class Connection(NamedTuple):
    """One connection: who, to whom, and what was sent."""

    peer: Endpoint
    listener: Endpoint
    octets: bytes
    at: float = 0.0


def client_hello(random: bytes) -> bytes:
    """A ClientHello of those 32 random octets."""
    assert len(random) == 32
    name = b"\x00\x00\x00\x10\x00\x0e\x00\x00\x0bshop.example"[:-1]
    extensions = struct.pack("!H", len(name)) + name
    body = b"\x03\x03" + random + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def record(path: Path, connections: Iterable[Connection]) -> Path:
    """Write a pcap of raw IP: SYN, SYN-ACK, ACK, the octets, FIN of both sides."""
    frames = [_head()]
    for one in connections:
        time = START + one.at
        ends, back = (one.peer, one.listener), (one.listener, one.peer)
        size = len(one.octets)
        steps = [
            (ends, 0x02, 1000, 0, b""),
            (back, 0x12, 9000, 1001, b""),
            (ends, 0x10, 1001, 9001, b""),
            (ends, 0x18, 1001, 9001, one.octets),
            (back, 0x11, 9001, 1001 + size, b""),
            (ends, 0x11, 1001 + size, 9002, b""),
            (back, 0x10, 9002, 1002 + size, b""),
        ]
        for number, ((source, there), flags, seq, ack, octets) in enumerate(steps):
            frame = _ip(source, there, _tcp(source, there, flags, seq, ack, octets))
            micros = int((time + number / 1000) * 1_000_000)
            frames.append(
                struct.pack(
                    "<IIII",
                    micros // 1_000_000,
                    micros % 1_000_000,
                    len(frame),
                    len(frame),
                )
                + frame
            )
    path.write_bytes(b"".join(frames))
    return path


def _head() -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)


def _tcp(
    source: Endpoint, there: Endpoint, flags: int, seq: int, ack: int, octets: bytes
) -> bytes:
    head = struct.pack(
        "!HHIIBBHHH", source.port, there.port, seq, ack, 0x50, flags, 65535, 0, 0
    )
    return head + octets


def _ip(source: Endpoint, there: Endpoint, tcp: bytes) -> bytes:
    hosts = b"".join(ipaddress.ip_address(e.host).packed for e in (source, there))
    if len(hosts) == 32:
        return struct.pack("!IHBB", 0x60000000, len(tcp), 6, 64) + hosts + tcp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0)
    return head + hosts + tcp

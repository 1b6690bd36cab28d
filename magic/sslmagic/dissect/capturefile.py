"""Packets as a capture file: pcapng, or pcap with nanoseconds.

Written here, because what others write says which machine wrote it and when: the same
packets make the same octets. The formats are those of
draft-ietf-opsawg-pcapng and draft-ietf-opsawg-pcap, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO, Literal, NamedTuple

__all__ = ["FORMS", "Form", "Packet", "write"]

Form = Literal["pcapng", "pcap"]
FORMS: tuple[Form, ...] = ("pcapng", "pcap")

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _NAME, _RESOLUTION = 1, 2, 9
_LONGEST = 262_144
"""Octets of the longest packet that readers take."""


class Packet(NamedTuple):
    """What a link carried at one time."""

    time: int
    """Nanoseconds since 1970."""
    octets: bytes
    """From the link's own header on."""
    comment: str = ""
    """What pcapng says beside it."""


def write(
    stream: BinaryIO,
    packets: Iterable[Packet],
    *,
    link: int,
    form: Form = "pcapng",
    snaplen: int = 0,
    interface: str = "",
    comment: str = "",
) -> int:
    """Write the packets, and return how many there were.

    Args:
        link: the LINKTYPE of all of them.
        snaplen: octets kept of each; 0 for all.
        interface: the name that pcapng gives to where they were captured.
        comment: what pcapng says of the whole.

    Raises:
        OSError: it cannot be written.
    """
    pcapng = form == "pcapng"
    if pcapng:
        stream.write(_section(comment) + _described(link, snaplen, interface))
    else:
        head = 0xA1B23C4D, 2, 4, 0, 0, snaplen or _LONGEST, link
        stream.write(struct.pack("<IHHiIII", *head))
    count = 0
    for packet in packets:
        kept = packet.octets[:snaplen] if snaplen else packet.octets
        stream.write(_enhanced(packet, kept) if pcapng else _record(packet, kept))
        count += 1
    return count


def _record(packet: Packet, kept: bytes) -> bytes:
    seconds, nanoseconds = divmod(packet.time, 1_000_000_000)
    lengths = len(kept), len(packet.octets)
    return struct.pack("<IIII", seconds, nanoseconds, *lengths) + kept


def _section(comment: str) -> bytes:
    # The length of the section is not known: -1 says so.
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(_SECTION, body + _options((_COMMENT, comment.encode())))


def _described(link: int, snaplen: int, interface: str) -> bytes:
    body = struct.pack("<HHI", link, 0, snaplen)
    named = _NAME, interface.encode()
    return _block(_INTERFACE, body + _options(named, (_RESOLUTION, b"\x09")))


def _enhanced(packet: Packet, kept: bytes) -> bytes:
    time = packet.time >> 32, packet.time & 0xFFFFFFFF
    body = struct.pack("<IIIII", 0, *time, len(kept), len(packet.octets))
    comment = _options((_COMMENT, packet.comment.encode()))
    return _block(_PACKET, body + _padded(kept) + comment)


def _options(*options: tuple[int, bytes]) -> bytes:
    """Return those that say something, and their end."""
    said = b"".join(
        struct.pack("<HH", code, len(value)) + _padded(value)
        for code, value in options
        if value
    )
    return said + bytes(4) if said else b""


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)

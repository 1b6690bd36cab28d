"""TCP connections as a capture file, made of octets alone, for tshark to read."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["Connections"]

_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
"""The head of a pcap file of raw IP packets."""
_LISTENER = bytes([10, 0, 0, 1])
SYN, RST, FIN, PSH_ACK, ACK, SYN_ACK = 0x02, 0x04, 0x11, 0x18, 0x10, 0x12

End = tuple[bytes, int]


class Connections:
    """Connections in the order in which they are added, one after the other."""

    def __init__(self) -> None:
        self._packets: list[bytes] = []
        self._kept: list[int] = []
        self.number = 0

    def add(
        self,
        port: int,
        pieces: Iterable[bytes],
        *,
        answer: Sequence[bytes] = (),
        greeting: bytes = b"",
        ends: int = FIN,
        kept: int = 65535,
    ) -> int:
        """Add one whose peer sends *pieces*, a segment each; return its tcp.stream.

        The listener sends *greeting* before, and *answer* after all of them; *ends* are
        the flags of the peer's last segment, 0 for none; of each packet *kept* octets
        are captured.
        """
        number, peer, listener = self._opened(port)
        sent, answered = 1001, 5001
        if greeting:
            self._segment(listener, peer, answered, sent, PSH_ACK, greeting)
            answered += len(greeting)
        for piece in pieces:
            self._segment(peer, listener, sent, answered, PSH_ACK, piece)
            sent += len(piece)
        for piece in answer:
            self._segment(listener, peer, answered, sent, PSH_ACK, piece)
            answered += len(piece)
        if ends:
            self._segment(peer, listener, sent, answered, ends)
        self._kept += [kept] * (len(self._packets) - len(self._kept))
        return number

    def scatter(
        self,
        port: int,
        segments: Iterable[tuple[int, bytes]],
        *,
        opening: bool = True,
    ) -> int:
        """Add one whose peer sends octets from those numbers on; return its tcp.stream.

        Its SYN is captured if *opening*. It ends where the last octet has been sent.
        """
        number, peer, listener = self._opened(port, opening=opening)
        stop = 0
        for at, octets in segments:
            self._segment(peer, listener, 1001 + at, 5001, PSH_ACK, octets)
            stop = max(stop, at + len(octets))
        self._segment(peer, listener, 1001 + stop, 5001, FIN)
        return number

    def _opened(self, port: int, *, opening: bool = True) -> tuple[int, End, End]:
        """The number of the next stream, and its ends, which have shaken hands."""
        number = self.number
        self.number += 1
        peer = bytes([10, 1, *number.to_bytes(2, "big")]), 40000
        listener = _LISTENER, port
        if opening:
            self._segment(peer, listener, 1000, 0, SYN)
            self._segment(listener, peer, 5000, 1001, SYN_ACK)
            self._segment(peer, listener, 1001, 5001, ACK)
        return number, peer, listener

    def write(self, path: Path, *, snaplen: int = 65535) -> Path:
        """Write them as a pcap file, of each packet *snaplen* octets at most."""
        octets = bytearray(_FILE)
        self._kept += [snaplen] * (len(self._packets) - len(self._kept))
        for at, packet in enumerate(self._packets):
            kept = packet[: min(snaplen, self._kept[at])]
            seconds, milliseconds = divmod(at, 1000)
            octets += struct.pack(
                "<IIII",
                1795478400 + seconds,
                milliseconds * 1000,
                len(kept),
                len(packet),
            )
            octets += kept
        path.write_bytes(octets)
        return path

    def _segment(
        self,
        source: End,
        destination: End,
        sequence: int,
        acknowledged: int,
        flags: int,
        octets: bytes = b"",
    ) -> None:
        tcp = struct.pack(
            "!HHIIBBHHH",
            source[1],
            destination[1],
            sequence,
            acknowledged,
            0x50,
            flags,
            65535,
            0,
            0,
        )
        length = 20 + len(tcp) + len(octets)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, 64, 6, 0)
        self._packets.append(ip + source[0] + destination[0] + tcp + octets)

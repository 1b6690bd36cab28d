"""Streams out of a capture with scapy and a few lines: slow, plain, all in memory.

It shares nothing with `sslmagic.capture`. Of octets that come twice the first are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scapy.config import conf
from scapy.layers.inet import IP, TCP, defragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, defragment6
from scapy.layers.l2 import Dot1AD, Dot1Q
from scapy.packet import Padding
from scapy.utils import RawPcapNgReader

__all__ = ["Stream", "streams"]

_LOOPBACKS = {0: "little", 108: "big"}

# scapy types neither.
_together: Any = defragment
_together6: Any = defragment6


@dataclasses.dataclass(slots=True, kw_only=True)
class Stream:
    """What one end sent."""

    source: tuple[str, int]
    destination: tuple[str, int]
    vlans: list[int]
    first: int | None = None
    """Sequence number of the first octet; None if the SYN was not captured."""
    connects: bool = False
    """Whether its SYN is the first of the connection."""
    octets: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    """Each octet by its offset."""
    end: int | None = None
    """Where it was closed."""
    length: int = 0
    """Octets that were sent, captured or not."""

    @property
    def front(self) -> bytes:
        """The octets from the first one to the first that is missing."""
        front = bytearray()
        while len(front) in self.octets:
            front.append(self.octets[len(front)])
        return bytes(front)


def streams(capture: Path) -> list[Stream]:
    """Return both directions of each connection, by their first packets."""
    found: list[Stream] = []
    latest: dict[tuple[tuple[str, int], tuple[str, int]], Stream] = {}
    for vlans, header in _datagrams(capture):
        tcp = header[TCP]
        source = str(header.src), int(tcp.sport)
        ends = source, (str(header.dst), int(tcp.dport))
        is_syn = "S" in tcp.flags
        stream = latest.get(ends)
        # The same ends with another SYN are another connection.
        if stream is None or (is_syn and stream.first != (tcp.seq + 1) % 2**32):
            stream = Stream(source=ends[0], destination=ends[1], vlans=vlans)
            latest[ends] = stream
            found.append(stream)
        if is_syn:
            stream.first = (tcp.seq + 1) % 2**32
            stream.connects = "A" not in tcp.flags
        _take(stream, tcp, header)
    return found


def _take(stream: Stream, tcp: Any, header: Any) -> None:
    if stream.first is None:
        return
    at = (tcp.seq - stream.first + 2**31) % 2**32 - 2**31
    octets = _payload(tcp)
    for place, octet in enumerate(octets, at):
        stream.octets.setdefault(place, octet)
    if size := _length(header, tcp):
        # The acknowledgement of a FIN stands one behind the end.
        stream.length = max(stream.length, at + size)
    if "F" in tcp.flags:
        stream.end = at + len(octets)


def _length(header: Any, tcp: Any) -> int:
    """Octets of data as the headers say; a capture may have fewer."""
    whole = header.len - 4 * header.ihl if IP in header else header.plen
    return int(whole) - 4 * int(tcp.dataofs)


def _payload(tcp: Any) -> bytes:
    octets = bytes(tcp.payload)
    if Padding in tcp:
        octets = octets[: len(octets) - len(tcp[Padding])]
    return octets


def _datagrams(capture: Path) -> Iterator[tuple[list[int], Any]]:
    """The IP packets with TCP, whole ones and those put together from fragments."""
    parts: dict[tuple[str, str, int], list[Any]] = {}
    with RawPcapNgReader(str(capture)) as reader:
        for octets, said in reader:
            packet = _dissected(octets, said)
            vlans = [int(tag.vlan) for tag in _tags(packet)]
            header = packet.getlayer(IP) or packet.getlayer(IPv6)
            if header is None:
                continue
            for whole in _whole(header, parts):
                if TCP in whole:
                    yield vlans, whole


def _whole(header: Any, parts: dict[tuple[str, str, int], list[Any]]) -> list[Any]:
    if IP in header:
        if not (header.flags.MF or header.frag):
            return [header]
        key = header.src, header.dst, header.id
        # scapy would keep the padding of a short frame.
        parts.setdefault(key, []).append(IP(bytes(header)[: header.len]))
        if header.flags.MF:
            return []
        return [IP(bytes(one)) for one in _together(parts.pop(key))]
    if IPv6ExtHdrFragment not in header:
        return [header]
    fragment = header[IPv6ExtHdrFragment]
    key = header.src, header.dst, fragment.id
    parts.setdefault(key, []).append(header)
    return [] if fragment.m else [IPv6(bytes(_together6(parts.pop(key))))]


def _dissected(octets: bytes, said: Any) -> Any:
    if order := _LOOPBACKS.get(said.linktype):
        # scapy knows the number that IPv6 has on the system that it runs on, no other.
        family = int.from_bytes(octets[:4], order)  # type: ignore[arg-type]
        return (IP if family == 2 else IPv6)(octets[4:])
    return conf.l2types.num2layer[said.linktype](octets)


def _tags(packet: Any) -> Iterator[Any]:
    layer = packet
    while layer and not isinstance(layer, IP | IPv6):
        if isinstance(layer, Dot1Q | Dot1AD):
            yield layer
        layer = layer.payload

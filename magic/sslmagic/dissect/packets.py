"""An exchange as packets of a link, made with scapy (the extra ``scapy``).

Every link of `LINKS` carries the same segments; frames of Ethernet that are too short
are padded as a network card does it, so a reader must go by the lengths of IP.
"""

# pyright: standard
# scapy says nothing of its types.

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from sslmagic.block import Endpoint
from sslmagic.dissect.capturefile import Packet
from sslmagic.dissect.exchange import Exchange, Segment, Sender, other

__all__ = ["LINKS", "Link", "Path", "packed", "packets"]

Link = Literal["ethernet", "cooked1", "cooked2", "raw", "null", "loop"]

LINKS: dict[Link, int] = {
    "ethernet": 1,
    "cooked1": 113,
    "cooked2": 276,
    "raw": 101,
    "null": 0,
    "loop": 108,
}
"""Each link's LINKTYPE: what is in front of IP there."""

# scapy types neither.
_fragment: Callable[[Any, int], list[Any]] = fragment
_fragment6: Callable[[Any, int], list[Any]] = fragment6

_SHORTEST = 60
"""Octets of the shortest frame of Ethernet, without its checksum."""
_IPV4, _IPV6 = 0x0800, 0x86DD
_BSD_IPV6 = 30
"""AF_INET6 of macOS, whose captures of loopback are the common ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where an exchange takes place."""

    peer: Endpoint
    """Who connects."""
    listener: Endpoint
    """Who is connected to; of the same family."""
    link: Link = "ethernet"
    """What the packets are captured on."""
    vlans: tuple[int, ...] = ()
    """Tags of an Ethernet, the outermost first: of two the first is 802.1ad's."""
    macs: tuple[str, str] = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    """The peer's and the listener's address on the link."""
    fragments: int = 0
    """Octets of the largest fragment of IP; 0 if nothing is cut there."""

    def __post_init__(self) -> None:
        if (":" in self.peer.host) != (":" in self.listener.host):
            raise ValueError(f"{self.peer} and {self.listener} speak no common IP")
        if self.vlans and self.link != "ethernet":
            raise ValueError(f"{self.link} has no VLANs")


def packed(exchanges: Iterable[tuple[Exchange, Path]]) -> Iterator[Packet]:
    """Yield the packets of several exchanges in the order of their times."""
    return heapq.merge(
        *itertools.starmap(packets, exchanges), key=lambda packet: packet.time
    )


def packets(exchange: Exchange, path: Path) -> Iterator[Packet]:
    """Yield the packets of an exchange."""
    identities = {
        sender: itertools.count(initial & 0xFFFF)
        for sender, initial in exchange.initial.items()
    }
    for time, segment in exchange.timed():
        identity = next(identities[segment.sender]) & 0xFFFF
        tcp = _tcp(exchange, segment, path, time)
        for datagram in _datagrams(segment.sender, path, tcp, identity):
            yield Packet(time, _framed(segment.sender, path, datagram))


def _tcp(exchange: Exchange, segment: Segment, path: Path, time: int) -> Any:
    source, destination = _ends(segment.sender, path)
    first = exchange.initial[segment.sender]
    answered = exchange.initial[other(segment.sender)] + 1 + segment.acknowledged
    stamp = time // 1_000_000 & 0xFFFFFFFF
    options: list[tuple[str, Any]] = [("Timestamp", (stamp, 0))]
    if "S" in segment.flags:
        options = [("MSS", 1460), ("SAckOK", b""), *options, ("WScale", 7)]
    header = TCP(
        sport=source.port,
        dport=destination.port,
        seq=(first + 1 + segment.start) & 0xFFFFFFFF,
        ack=answered & 0xFFFFFFFF if "A" in segment.flags else 0,
        flags=segment.flags,
        window=64_240 if "S" in segment.flags else 502,
        options=options,
    )
    return header / Raw(segment.octets) if segment.octets else header


def _datagrams(sender: Sender, path: Path, tcp: Any, identity: int) -> Sequence[bytes]:
    source, destination = (one.host for one in _ends(sender, path))
    size = path.fragments
    if ":" not in source:
        whole = IP(src=source, dst=destination, id=identity, ttl=64) / tcp
        parts = _fragment(whole, size) if size else [whole]
    elif size:
        middle = IPv6ExtHdrFragment(id=identity)
        # scapy counts what is in front of the data as well.
        parts = _fragment6(IPv6(src=source, dst=destination) / middle / tcp, size + 48)
        for part in parts:
            # One that needs no second fragment is sent without a fragment header.
            if len(parts) == 1 and IPv6ExtHdrFragment in part:
                parts = [IPv6(src=source, dst=destination) / tcp]
    else:
        parts = [IPv6(src=source, dst=destination) / tcp]
    return [bytes(part) for part in parts]


def _framed(sender: Sender, path: Path, datagram: bytes) -> bytes:
    kind = _IPV6 if datagram[0] >> 4 == 6 else _IPV4
    ours, theirs = path.macs if sender == "peer" else path.macs[::-1]
    match path.link:
        case "raw":
            return datagram
        case "null":
            return _family(kind).to_bytes(4, "little") + datagram
        case "loop":
            return _family(kind).to_bytes(4, "big") + datagram
        case "cooked1":
            # Packet type 4: sent by us; 0: sent to us. Who captures is the listener.
            way = 0 if sender == "peer" else 4
            head = CookedLinux(pkttype=way, lladdrtype=1, lladdrlen=6, proto=kind)
            head.src = bytes.fromhex(ours.replace(":", "")) + bytes(2)
            return bytes(head / Raw(datagram))
        case "cooked2":
            way = 0 if sender == "peer" else 4
            head = CookedLinuxV2(pkttype=way, lladdrtype=1, lladdrlen=6, proto=kind)
            head.ifindex = 2
            head.src = bytes.fromhex(ours.replace(":", "")) + bytes(2)
            return bytes(head / Raw(datagram))
    frame: Any = Ether(src=ours, dst=theirs)
    for place, vlan in enumerate(path.vlans):
        outer = place < len(path.vlans) - 1
        frame = frame / (Dot1AD(vlan=vlan) if outer else Dot1Q(vlan=vlan))
    frame.lastlayer().type = kind
    return bytes(frame / Raw(datagram)).ljust(_SHORTEST, b"\0")


def _family(kind: int) -> int:
    return _BSD_IPV6 if kind == _IPV6 else 2


def _ends(sender: Sender, path: Path) -> tuple[Endpoint, Endpoint]:
    if sender == "peer":
        return path.peer, path.listener
    return path.listener, path.peer

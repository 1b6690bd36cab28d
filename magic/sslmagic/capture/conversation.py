"""The values that a capture is read into: conversations, their two sides, the counts.

Times are nanoseconds since 1970, offsets are octets from the first one of a stream.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal

from sslmagic.block import Endpoint

__all__ = ["Conversation", "Counts", "Ended", "Side", "Unreadable"]


class Ended(enum.StrEnum):
    """How far a conversation had come when the capture had no more of it."""

    OPEN = "open"
    """No end was seen: it goes on, or was silent for long."""
    CLOSED = "closed"
    """Both sides closed their stream, or one did and the other fell silent."""
    RESET = "reset"
    """One side sent a RST that the other will have believed."""


@dataclass(slots=True, kw_only=True)
class Side:
    """One direction of a conversation."""

    octets: bytes = b""
    """The front of the stream, in order, as the receiving kernel gave it to its
    program, as far as was wanted."""
    arrivals: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(octets there, time) each time the front grew."""
    missing: int | None = None
    """The offset of the first octet that the capture lacks while later ones are there,
    because packets were lost or cut; None if the front is whole as far as it goes."""
    ends: bool = False
    """Whether the stream was closed right behind `octets`: nothing more comes."""
    length: int = 0
    """Octets of the whole stream, as far as its sequence numbers tell."""
    packets: int = 0
    """Packets of this direction, those without data as well."""
    retransmitted: int = 0
    """Packets whose data, or some of it, had been there before."""
    reordered: int = 0
    """Packets that came before one with earlier data."""
    duplicated: int = 0
    """Packets that the capture holds twice: the last again, within a millisecond."""
    conflicting: int = 0
    """Octets of the front that came twice, with different values."""


@dataclass(slots=True, kw_only=True)
class Conversation:
    """A TCP connection, or what the capture has of one."""

    capture: str
    """The capture's name: its path, or ``-``."""
    number: int
    """From 1, in the order of first packets."""
    peer: Endpoint
    """Who connected: the sender of the SYN, or who was sent the SYN-ACK. Where `begun`
    is false it is a guess: the side with the higher port, or who sent first."""
    listener: Endpoint
    """Who was connected to."""
    vlans: tuple[int, ...] = ()
    """The VLANs' numbers, the outermost first."""
    begun: bool = False
    """Whether the beginning was seen: the SYN, or the SYN-ACK that answers it."""
    opened: int
    """When the first packet was captured."""
    closed: int
    """When the last packet was captured."""
    until: int | None = None
    """Until when the capture, by its clock, has no more of it; may be coarse. None if
    that is not known."""
    accepted: int | None = None
    """When the listener's SYN-ACK was captured."""
    sent: Side
    """From the peer to the listener."""
    answered: Side
    """From the listener to the peer."""
    ended: Ended = Ended.OPEN
    """How it ended."""
    ended_by: Literal["peer", "listener"] | None = None
    """Who reset it, or who closed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A packet whose headers contradict themselves."""

    capture: str
    """The capture's name."""
    offset: int
    """Where in the file, or in what a gzip file unpacks to, its record begins."""
    fault: str
    """What is wrong with it."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the captures held, packet by packet."""

    packets: int = 0
    """All packets."""
    octets: int = 0
    """Octets on the wire, without what the link adds and the capture does not keep."""
    not_ip: int = 0
    """Packets of another protocol than IP: ARP, LLDP and the like."""
    not_tcp: int = 0
    """Packets of IP that carry something else than TCP."""
    fragments: int = 0
    """Fragments of IP packets; those that could be put together are read as one."""
    incomplete: int = 0
    """Fragmented packets that could not be put together."""
    cut: int = 0
    """Packets of which the capture keeps the beginning only (snaplen)."""
    late: int = 0
    """Packets of a conversation that had ended already."""
    forgotten: int = 0
    """Conversations that were given up because too many were open at a time."""
    unreadable: int = 0
    """Packets whose headers contradict themselves."""
    examples: list[Unreadable] = field(default_factory=list[Unreadable])
    """The first few of the unreadable ones."""

"""A TCP connection as the segments that its two ends send, before anybody packs them.

    open ──▶ say, say, ... ──▶ close | reset

An exchange is written down in the order in which a well-behaved network shows it; what
a network does to it is `sslmagic.dissect.disorder`'s, and how it looks on a link is
`sslmagic.dissect.packets`'. It is the same for the same seed.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["MSS", "WAIT", "Exchange", "Segment", "Sender", "other"]

Sender = Literal["peer", "listener"]
"""Who connected, and who was connected to."""

MSS = 1460
"""Octets of the largest segment that an Ethernet carries over IPv4."""
WAIT = 120_000
"""Nanoseconds between two segments if nothing else is said."""
_EPOCH = 1_795_737_600_000_000_000
"""When exchanges begin by default: midnight of 27 November 2026, UTC."""


@dataclass(slots=True, kw_only=True)
class Segment:
    """What one end sends at once."""

    sender: Sender
    start: int
    """Offset of its first octet in the sender's stream; -1 is the SYN's place."""
    octets: bytes = b""
    """Its data."""
    flags: str = "A"
    """As scapy writes them: S, A, P, F, R."""
    acknowledged: int = 0
    """How much of the other stream its sender has: an offset, or -1 for nothing."""
    wait: int = WAIT
    """Nanoseconds behind the segment before it."""
    captured: bool = True
    """Whether who captures sees it; what is lost to him reached the other end."""

    @property
    def end(self) -> int:
        """Offset behind its last octet."""
        return self.start + len(self.octets)


def other(sender: Sender) -> Sender:
    """Return the opposite end."""
    return "listener" if sender == "peer" else "peer"


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The segments of one connection, and what its ends have said in them."""

    seed: int = 0
    """What all chance comes from."""
    begins: int = _EPOCH
    """When the first segment is captured, in nanoseconds since 1970."""
    initial: dict[Sender, int] = field(default_factory=dict[Sender, int])
    """The initial sequence numbers; by chance if not given."""
    segments: list[Segment] = field(default_factory=list[Segment])
    """In the order of their capture."""
    said: dict[Sender, bytes] = field(default_factory=dict[Sender, bytes])
    """What each end has said so far."""
    chance: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        for sender in ("peer", "listener"):
            self.initial.setdefault(sender, self.chance.getrandbits(32))
            self.said.setdefault(sender, b"")

    def open(self) -> None:
        """Shake hands: SYN, SYN-ACK, ACK."""
        self._add("peer", -1, "S", acknowledged=-1)
        self._add("listener", -1, "SA", acknowledged=0)
        self._add("peer", 0, "A")

    def say(
        self,
        sender: Sender,
        octets: bytes,
        *,
        sizes: Iterable[int] = (),
        wait: int = WAIT,
    ) -> list[Segment]:
        """Send *octets*, and have them acknowledged; return the segments with data.

        Args:
            sizes: octets of the first segments; what is left, and everything if there
                are none, goes in segments of `MSS`.
            wait: nanoseconds before the first one.
        """
        start, made = len(self.said[sender]), list[Segment]()
        for piece in pieces(octets, sizes):
            pause = WAIT if made else wait
            made.append(self._add(sender, start, "PA", octets=piece, wait=pause))
            start += len(piece)
        self.said[sender] += octets
        if made:
            self._add(other(sender), len(self.said[other(sender)]), "A")
        return made

    def close(self, sender: Sender, *, wait: int = WAIT, answered: bool = True) -> None:
        """End the stream of *sender*, and the other one as well if *answered*."""
        self._add(sender, len(self.said[sender]), "FA", wait=wait)
        if answered:
            reply = self._add(other(sender), len(self.said[other(sender)]), "FA")
            reply.acknowledged += 1
            last = self._add(sender, len(self.said[sender]) + 1, "A")
            last.acknowledged += 1

    def reset(
        self, sender: Sender, *, at: int | None = None, wait: int = WAIT
    ) -> Segment:
        """Break the connection; *at* is the offset that the RST names, the next one."""
        start = len(self.said[sender]) if at is None else at
        return self._add(sender, start, "RA", wait=wait)

    def data(self, sender: Sender = "peer") -> list[Segment]:
        """Return the segments with data of one end, in their order."""
        return [one for one in self.segments if one.sender == sender and one.octets]

    def timed(self) -> Iterator[tuple[int, Segment]]:
        """Yield each segment that is captured, and when."""
        now = self.begins
        for number, segment in enumerate(self.segments):
            now += segment.wait if number else 0
            if segment.captured:
                yield now, segment

    def _add(
        self,
        sender: Sender,
        start: int,
        flags: str,
        *,
        octets: bytes = b"",
        wait: int = WAIT,
        acknowledged: int | None = None,
    ) -> Segment:
        heard = len(self.said[other(sender)]) if acknowledged is None else acknowledged
        segment = Segment(
            sender=sender,
            start=start,
            octets=octets,
            flags=flags,
            acknowledged=heard,
            wait=wait,
        )
        self.segments.append(segment)
        return segment


def pieces(octets: bytes, sizes: Iterable[int] = ()) -> Sequence[bytes]:
    """Return *octets* cut into pieces of these sizes, the rest into those of `MSS`.

    Raises:
        ValueError: a size is not positive.
    """
    cut, at = list[bytes](), 0
    for size in itertools.chain(sizes, itertools.repeat(MSS)):
        if size < 1:
            raise ValueError(f"a segment of {size} octets")
        if at >= len(octets):
            break
        cut.append(octets[at : at + size])
        at += size
    return cut

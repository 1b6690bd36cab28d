"""From what a connection shall be to its exchange, and what a reader must say of it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sslmagic.block import Endpoint, UnixEndpoint
from sslmagic.dissect import disorder
from sslmagic.dissect.exchange import Exchange, Segment, Sender
from sslmagic.dissect.expected import Way, expected
from sslmagic.dissect.faults import FAULTS
from sslmagic.dissect.faults.draft import DEADLINE, Draft
from sslmagic.dissect.packets import Path
from sslmagic.dissect.session import Session
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from sslmagic.wire import encode

__all__ = ["HTTP", "Connection", "Recipe"]

HTTP: Final[tuple[tuple[Sender, bytes], ...]] = (
    ("peer", b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"),
    ("listener", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
)
"""What is said in clear where there is no TLS."""

_SECOND: Final = 1_000_000_000
_SHORT: Final = 7
"""Octets of the segments of a preamble that must be cut and nobody says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An exchange that can be packed, and what a reader must say of it."""

    exchange: Exchange
    path: Path
    expected: dict[str, object]
    """Members of what `magic inspect --json` says of a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A connection to be made."""

    path: Path
    """Between whom, and on what link."""
    preamble: Preamble
    """What is announced."""
    format: str = "magic"
    """In which format."""
    crc32c: bool = False
    """Whether a CRC32C is added."""
    octets: bytes | None = None
    """The preamble's octets, where they are not what `encode` makes."""
    session: Session | None = None
    """What follows; None for a request in clear."""
    fault: str | None = None
    """A name of `FAULTS`."""
    sizes: tuple[int, ...] = ()
    """Octets of the first segments, the preamble's first octet in the first one."""
    octetwise: bool = False
    """Whether every octet of the first flight is a segment."""
    reordered: bool = False
    """Whether the segments of the preamble arrive in another order."""
    duplicated: bool = False
    """Whether each of them arrives twice."""
    retransmitted: bool = False
    """Whether all of them are sent again."""
    overlapping: bool = False
    """Whether each of them begins with the end of the one before."""
    ending: Way = "close"
    """How it ends if it is served."""
    seed: int = 0
    """What all chance comes from."""
    begins: int | None = None
    """When, in nanoseconds since 1970; None for a time that is always the same."""
    initial: int | None = None
    """The peer's initial sequence number; None for any."""

    def made(self) -> Connection:
        """Return the connection.

        Raises:
            EncodeError: the preamble cannot be, or has no place for the fault.
        """
        draft = self._draft()
        if draft.verdict == "late" and self.session is None:
            raise EncodeError("late is said of TLS, and there is none")
        turns = self.session.turns if self.session else HTTP
        first = draft.instead or (b"" if draft.silent else turns[0][1])
        if draft.verdict == "late":
            front = first + draft.octets
        else:
            front = draft.octets + draft.behind + first
        exchange = Exchange(seed=self.seed)
        if self.begins is not None:
            exchange.begins = self.begins
        if self.initial is not None:
            exchange.initial["peer"] = self.initial
        exchange.open()
        segments = exchange.say("peer", front, sizes=self._cut(draft, front))
        parts = [one.start for one in segments if one.start < len(draft.octets)]
        seen = len(exchange.segments)
        _end(exchange, draft, turns, self.ending)
        behind = len(exchange.segments) - seen
        self._disturb(exchange, draft, segments)
        if draft.unseen == "segment":
            _lose(exchange, parts)
        elif draft.unseen == "front":
            # Copies of the front have been put in, all of them in front of the rest.
            for segment in exchange.segments[: len(exchange.segments) - behind]:
                disorder.lose(segment)
        said = expected(draft, exchange, self.path, self.session, self.ending)
        return Connection(exchange=exchange, path=self.path, expected=said)

    def _draft(self) -> Draft:
        octets = self.octets
        if octets is None:
            octets = encode(self.preamble, self.format, crc32c=self.crc32c)
        draft = Draft(format=self.format, preamble=self.preamble, octets=octets)
        if self.fault is None:
            return _plainly(draft)
        fault = FAULTS[self.fault]
        if self.format not in fault.formats:
            has = " and ".join(fault.formats)
            raise EncodeError(f"{self.format} has no fault {fault.name}: {has} has")
        return fault.change(_plainly(draft))

    def _cut(self, draft: Draft, front: bytes) -> Iterable[int]:
        if self.octetwise:
            return itertools.repeat(1)
        disturbed = self.reordered or self.duplicated or self.overlapping
        disturbed = disturbed or self.retransmitted or draft.unseen == "segment"
        if self.sizes or not disturbed:
            return self.sizes
        return [_SHORT] * -(-(len(draft.octets) or len(front)) // _SHORT)

    def _disturb(
        self, exchange: Exchange, draft: Draft, segments: list[Segment]
    ) -> None:
        if not segments:
            return
        if draft.conflicting:
            disorder.conflict(exchange, segments[-1], draft.conflicting)
        # Only what holds the preamble: what follows it may be long.
        cut = [one for one in segments if one.start < len(draft.octets)] or segments
        if self.overlapping:
            disorder.overlap(cut)
        if self.retransmitted:
            disorder.retransmit(exchange, cut)
        if self.duplicated:
            disorder.duplicate(exchange, cut)
        if self.reordered:
            disorder.reorder(exchange, cut)


def _plainly(draft: Draft) -> Draft:
    """Return the draft with the verdict on a preamble that has no fault of its own."""
    source = draft.preamble.source
    if source is None:
        return dataclasses.replace(draft, verdict="local")
    loopback = isinstance(source, Endpoint) and (
        source.host.startswith("127.") or source.host == "::1"
    )
    if loopback or isinstance(source, UnixEndpoint):
        return dataclasses.replace(draft, verdict="source", ending="refused")
    if not draft.preamble.transport.is_stream:
        return dataclasses.replace(draft, verdict="transport", ending="refused")
    return draft


def _lose(exchange: Exchange, parts: list[int]) -> None:
    """Keep from the capture the second of the preamble's parts, or the first.

    Args:
        parts: where the segments that hold some of the preamble began when it was cut.

    Raises:
        EncodeError: nothing that the peer sends behind either would show the loss.
    """
    for part in [*parts[1:2], *parts[:1]]:
        # Copies tell what the octet is, and so do segments that say it again.
        held = [one for one in exchange.data() if one.start <= part < one.end]
        if any(
            one.sender == "peer"
            and one.start > part
            and (one.octets or "F" in one.flags)
            for one in exchange.segments
        ):
            for segment in held:
                disorder.lose(segment)
            return
    raise EncodeError("a loss shows by what is behind it: cut the preamble smaller")


def _end(
    exchange: Exchange,
    draft: Draft,
    turns: tuple[tuple[Sender, bytes], ...],
    ending: Way,
) -> None:
    match draft.ending:
        case "served":
            for sender, octets in turns[1:]:
                exchange.say(sender, octets, wait=2_000_000)
            if ending == "close":
                exchange.close("peer")
            elif ending == "reset":
                exchange.reset("peer")
        case "refused":
            if draft.answer:
                exchange.say("listener", draft.answer)
            exchange.reset("listener")
        case "left":
            exchange.close("peer")
        case "broken":
            exchange.reset("peer")
        case "expired":
            exchange.close("listener", wait=int(DEADLINE * _SECOND))
        case "open":
            pass

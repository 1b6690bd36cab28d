"""What a host does on one connection: the pieces that it sends, and in which order.

A script is the same for the same seed. Its pieces cover the whole stream, cut,
shuffled, doubled, overlapping with equal and with different octets; which of those the
receiver's program reads is its kernel's business, and what the harness is there to see.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.harness.frames import ACK, FIN, MOST, PSH, RST, SYN, URG

__all__ = ["Piece", "Script", "shuffled"]

_MOST_PIECES = 40
"""A kernel whose buffer is full of small segments throws some away."""


class Piece(NamedTuple):
    """One segment that the host sends."""

    start: int
    """Offset of its first octet in the stream; -1 is the SYN's place."""
    octets: bytes = b""
    flags: int = ACK
    window: int = 64240
    """How many octets the host would take."""
    urgent: int = 0
    """Its urgent pointer."""
    beyond: int = 0
    """Octets that it acknowledges and the listener has not sent."""
    spoilt: bool = False
    """Whether its checksum is wrong."""

    @property
    def is_dropped(self) -> bool:
        """Whether every kernel drops it (RFC 9293 sections 3.1 and 3.10.7.4)."""
        return self.spoilt or self.beyond != 0

    def __str__(self) -> str:
        names = {FIN: "FIN", SYN: "SYN", RST: "RST", URG: f"URG {self.urgent}"}
        said = " ".join(name for flag, name in names.items() if self.flags & flag)
        said += " spoilt" * self.spoilt + f" +{self.beyond}" * (self.beyond != 0)
        end = self.start + len(self.octets)
        return f"{self.start}..{end} {self.octets[:8].hex()} {said}".rstrip()


@dataclass(slots=True, kw_only=True)
class Script:
    """A conversation as its peer conducts it."""

    stream: bytes
    """What it has to say."""
    pieces: list[Piece] = field(default_factory=list[Piece])
    """What it sends once the listener has answered its SYN."""
    options: tuple[tuple[str, object], ...] = (("MSS", 1460),)
    """Of the SYN, as scapy has them."""
    first: int = 0
    """The initial sequence number."""
    early: bytes = b""
    """Data in the SYN, which a kernel without a cookie for it leaves out."""
    end: int = 0
    """Where the stream ends: the place of its FIN."""
    resets: bool = False
    """Whether a RST is among the pieces: what was read by then is a matter of time."""
    obeys: bool = False
    """Whether a piece waits until the listener's window has room for it, and what got
    lost is sent again: without a scale for windows in its options."""

    def __str__(self) -> str:
        head = f"{len(self.stream)} octets, ending at {self.end}, SYN at {self.first}"
        return "\n    ".join([head, *map(str, self.pieces)])


def shuffled(
    stream: bytes,
    chance: random.Random,
    *,
    whole: int = 0,
    conflicts: bool = True,
    resets: bool = True,
) -> Script:
    """Return a script that says *stream*, in some order.

    Args:
        chance: what all of it comes from.
        whole: octets at the front that become readable at once, and have no other
            values: for receivers that do not wait for a preamble in pieces.
        conflicts: whether octets come with different values too.
        resets: whether it may end by RST, or before all is said.
    """
    end = len(stream)
    if resets and chance.random() < 0.12:
        end = chance.randint(0, end)
    pieces = _cut(stream[:end], chance)
    pieces = [_widened(piece, stream[:end], chance) for piece in pieces]
    if end < len(stream) and chance.random() < 0.5:
        # Behind the end of the stream nothing has a meaning.
        pieces.append(Piece(end, stream[end:][:MOST], ACK))
    again, lies = chance.choice((0, 0, 1, 2, 5)), chance.choice((0, 0, 1, 2, 4))
    extra = [_again(stream[:end], chance) for _ in range(again)]
    if conflicts:
        extra += [_lie(stream[:end], chance, least=whole) for _ in range(lies)]
        # Each of them alone would change what is read, if it were not dropped.
        for _ in range(chance.choice((0, 0, 1, 3))):
            lie = _lie(stream[:end], chance, least=whole)
            spoilt, beyond = chance.choice(((True, 0), (False, 1), (False, 1 << 30)))
            extra.append(lie._replace(spoilt=spoilt, beyond=beyond))
    if not whole and conflicts and chance.random() < 0.1:
        place = chance.randrange(len(pieces))
        pieces[place] = _urgent(pieces[place], chance)
    spread = chance.choice((0, 0, 1.5, 3, 8, 100))
    placed = [
        (at + chance.uniform(0, spread), piece) for at, piece in enumerate(pieces)
    ]
    placed += [(chance.uniform(0, len(pieces)), piece) for piece in extra if piece[1]]
    pieces = [piece for _, piece in sorted(placed)]
    if whole:
        pieces = _front_last(pieces, stream[:end], whole)
    pieces = _ended(pieces, end, chance)
    script = Script(stream=stream, end=end, first=chance.getrandbits(32))
    if resets and chance.random() < 0.1:
        script.resets = True
        place = chance.randint(1, len(pieces))
        pieces.insert(place, _reset(pieces[:place], end, chance))
        # Whoever was reset answers this, so that it is known.
        pieces.append(Piece(end))
    script.pieces = _idle(pieces, stream[:end] if not whole else b"", chance)
    if chance.random() < 0.5:
        script.options += (("SAckOK", b""),)
    if chance.random() < 0.5:
        script.options += (("WScale", chance.randint(0, 14)),)
    if chance.random() < 0.05 and not whole:
        script.early = stream[: chance.randint(1, 50)]
    return script


def _cut(stream: bytes, chance: random.Random) -> list[Piece]:
    """The stream in pieces, each octet once."""
    match chance.randrange(5):
        case 0:
            cuts = []
        case 1:
            cuts = [chance.randint(0, len(stream))]
        case 2:
            cuts = list(range(1, min(len(stream), _MOST_PIECES // 2)))
        case _:
            number = min(len(stream), chance.randint(2, _MOST_PIECES // 2))
            near = min(len(stream), chance.choice((40, 120, len(stream))))
            cuts = [chance.randint(0, near) for _ in range(number)]
    places = sorted({0, *cuts, len(stream)})
    pieces: list[Piece] = []
    for start, end in itertools.pairwise(places):
        for at in range(start, end, MOST):
            flags = ACK | PSH * chance.randint(0, 1)
            pieces.append(Piece(at, stream[at : min(at + MOST, end)], flags))
    return pieces


def _widened(piece: Piece, stream: bytes, chance: random.Random) -> Piece:
    """The piece, and now and then some of what stands beside it."""
    if chance.random() < 0.6:
        return piece
    end = min(len(stream), _end(piece) + chance.choice((0, 1, 3, 30)))
    start = max(0, piece.start - chance.choice((0, 1, 3, 30)))
    if end - start > MOST:
        return piece
    return piece._replace(start=start, octets=stream[start:end])


def _again(stream: bytes, chance: random.Random) -> Piece:
    start = chance.randint(0, len(stream))
    size = chance.choice((1, 10, 100, MOST))
    return Piece(start, stream[start : start + size], ACK | PSH)


def _lie(stream: bytes, chance: random.Random, *, least: int) -> Piece:
    """A piece of which some octets are other ones."""
    piece = _again(stream, chance)
    octets = bytearray(piece.octets)
    for place in range(len(octets)):
        if piece.start + place >= least and chance.random() < 0.7:
            octets[place] = chance.getrandbits(8)
    return piece._replace(octets=bytes(octets))


def _urgent(piece: Piece, chance: random.Random) -> Piece:
    """The piece, of which one octet is urgent."""
    if not piece.octets:
        return piece
    urgent = chance.randint(0, len(piece.octets))
    return piece._replace(flags=piece.flags | URG, urgent=urgent)


def _front_last(pieces: list[Piece], stream: bytes, whole: int) -> list[Piece]:
    """The pieces, so that nothing can be read before all of the front can."""
    first = stream[: min(whole, 1)]
    behind = [
        piece._replace(start=1, octets=piece.octets[1:]) if piece.start == 0 else piece
        for piece in pieces
    ]
    front = Piece(1, stream[1:whole], ACK)
    kept = [piece for piece in behind if piece.octets]
    return [front, *kept, Piece(0, first, ACK | PSH)]


def _ended(pieces: list[Piece], end: int, chance: random.Random) -> list[Piece]:
    """The pieces and a FIN: with the last octet, alone, or long before its time."""
    last = [
        place
        for place, piece in enumerate(pieces)
        if _end(piece) == end and not piece.is_dropped
    ]
    place = chance.choice(last) if last else 0
    match chance.randrange(4) if last else 3:
        case 0:
            joined = pieces[place]._replace(flags=pieces[place].flags | FIN)
            pieces[place] = joined
        case 1:
            pieces.insert(chance.randint(0, len(pieces)), Piece(end, flags=ACK | FIN))
        case _:
            pieces.append(Piece(end, flags=ACK | FIN))
    return pieces


def _reset(before: list[Piece], end: int, chance: random.Random) -> Piece:
    """A RST where the kernel expects the next octet, or beside that."""
    have = 0
    for piece in sorted(before):
        if piece.start <= have:
            have = max(have, _end(piece))
    where = chance.choice((have, have, have, have + 1, end, have - 1, have + 70_000))
    return Piece(where, flags=RST | chance.choice((0, ACK)))


def _idle(pieces: list[Piece], stream: bytes, chance: random.Random) -> list[Piece]:
    """The pieces, and between them what says nothing: keep-alives, closed windows.

    Some stacks put an octet into a keep-alive: of *stream*, the one that was before.
    """
    found: list[Piece] = []
    # The kernel takes a connection for established with this, or with the first piece;
    # a RST before that would leave nothing to accept, nor would a wrong answer to it.
    if chance.random() < 0.8 or pieces[0].flags & RST or pieces[0].is_dropped:
        found.append(Piece(0))
    for piece in pieces:
        if chance.random() < 0.05:
            at = piece.start - 1
            octet = stream[max(at, 0) : at + 1] * chance.randint(0, 1)
            found.append(Piece(at, octet))
        # A closed window beyond all that is said could not be opened again.
        if chance.random() < 0.05 and not piece.flags & RST:
            found.append(Piece(piece.start, window=0))
        if chance.random() < 0.02:
            found.append(Piece(-1, flags=SYN))
        found.append(piece)
    return found


def _end(piece: Piece) -> int:
    return piece.start + len(piece.octets)

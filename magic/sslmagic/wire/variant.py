"""One sequence of parts, as a learnt layout has it for IPv4 or IPv6, say.

A part ends where its width says, or where a length in front of it says, or else where
the literal behind it begins. Which of them is settled when the variant is made, so that
one that cannot be read is refused before it meets an octet.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, TypeVar

from sslmagic.block import Transport, block_fault
from sslmagic.errors import ConfigurationError, DecodeError, Reason
from sslmagic.preamble import Preamble, checked, undirected
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import ANY, Literal, Part, Unknown

__all__ = ["Span", "Variant", "Walk"]

_MOST_PARTS = 256
"""They are walked again with every octet that a peer sends alone: a thousand of them
would keep a receiver busy for seconds with one connection."""
_BLOCK = {8: Transport.TCP4, 32: Transport.TCP6}


class Span(NamedTuple):
    """Where a part stands."""

    part: Part
    start: int
    end: int


class Walk(NamedTuple):
    """How far the octets of a variant have come."""

    spans: list[Span]
    """The parts that are whole."""
    wanted: int
    """Octets that are surely missing; 0 when it is whole."""


class _Stop(enum.Enum):
    """What ends a part."""

    WIDTH = enum.auto()
    GIVEN = enum.auto()
    """The length right in front of it."""
    STRANGER = enum.auto()
    """The first octet that is not of its alphabet."""
    LITERAL = enum.auto()
    """The first place where the literal behind it stands."""
    REST = enum.auto()
    """The end of the preamble, less what is behind it."""


class Variant:
    """A sequence of parts; immutable.

    Raises:
        ConfigurationError: it cannot be read, or names no client.
    """

    __slots__ = ("_behind", "_stops", "least", "most", "parts")

    parts: tuple[Part, ...]
    least: int
    """Octets of the shortest preamble."""
    most: int
    """Octets of the longest preamble."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        if len(parts) > _MOST_PARTS:
            raise ConfigurationError(
                f"{len(parts)} parts, where {_MOST_PARTS} are most"
            )
        self.parts = parts
        self.least = sum(part.least for part in parts)
        self.most = sum(part.most for part in parts)
        self._behind: list[tuple[int, int]] = []
        least, most = self.least, self.most
        for part in parts:
            least, most = least - part.least, most - part.most
            self._behind.append((least, most))
        for kind in (Address, Port):
            if not any(isinstance(one, kind) and one.of == "source" for one in parts):
                raise ConfigurationError(
                    f"no {kind.__name__.lower()} of the source: nobody is named"
                )
        lengths = [p for p in parts if isinstance(p, Length) and p.of != "next"]
        if len(lengths) > 1:
            raise ConfigurationError("two lengths of the whole: one is enough")
        self._stops = [self._stop(at) for at in range(len(parts))]

    @property
    def destination_parts(self) -> set[str]:
        """The names of what it says of the destination: address, port or both."""
        return {
            part.name
            for part in self.parts
            if isinstance(part, (Address, Port)) and part.of == "destination"
        }

    def walk(self, octets: bytes) -> Walk:
        """Return where each part stands in *octets*, as far as they go.

        Raises:
            DecodeError: at the first octet that this variant does not have there.
        """
        walk, error = self.walked(octets)
        if error is not None:
            raise error
        return walk

    def walked(
        self, octets: bytes, *, limit: int | None = None
    ) -> tuple[Walk, DecodeError | None]:
        """Return where the parts stand in front of the first fault, and the fault.

        A length of more than *limit* octets in all is one.
        """
        walk = _Walker(self, octets, limit)
        try:
            wanted = walk.run()
        except DecodeError as error:
            return Walk(walk.spans, 0), error
        return Walk(walk.spans, wanted), None

    def stop(self, at: int) -> _Stop:
        """What ends the part at that place."""
        return self._stops[at]

    def behind(self, at: int) -> tuple[int, int]:
        """Return the fewest and most octets of all parts behind that place."""
        return self._behind[at]

    def _stop(self, at: int) -> _Stop:
        part = self.parts[at]
        before = self.parts[at - 1] if at else None
        after = self.parts[at + 1] if at + 1 < len(self.parts) else None
        if isinstance(part, Length) and part.of == "next":
            if after is None:
                raise ConfigurationError(
                    f"part {at + 1}: a length of the next, and none is"
                )
            if isinstance(after, Length):
                # As wide as what it says, it could not be written from left to right.
                raise ConfigurationError(
                    f"part {at + 1}: a length of the next, which is a length itself"
                )
        if isinstance(before, Length) and before.of == "next":
            return _Stop.GIVEN
        if part.least == part.most:
            return _Stop.WIDTH
        if isinstance(after, Literal):
            if not part.ends_outside:
                _check_seen(part, after, at)
                return _Stop.LITERAL
            if after.octets[0] not in part.alphabet:
                return _Stop.STRANGER
            raise ConfigurationError(
                f"part {at + 1}: the {part.name} does not end where the literal behind"
                " it begins, since it may hold that octet itself"
            )
        in_front = any(
            isinstance(one, Length) and one.of != "next" for one in self.parts[:at]
        )
        behind = self._behind[at]
        if in_front and behind[0] == behind[1]:
            return _Stop.REST
        raise ConfigurationError(
            f"part {at + 1}: nothing tells where the {part.name} ends: a literal behind"
            " it would, or a length in front"
        )

    def alphabets(self) -> list[frozenset[int]]:
        """Return what may stand at each offset, as far as offsets are fixed."""
        found: list[frozenset[int]] = []
        for part in self.parts:
            if isinstance(part, Literal):
                found += [frozenset((octet,)) for octet in part.octets]
            else:
                found += [part.alphabet] * max(part.least, 1)
            if part.least != part.most:
                if part.least == 0:
                    # It may be empty, and then anything stands here.
                    found[-1] = ANY
                break
        return found

    def preamble(self, octets: bytes, spans: list[Span]) -> Preamble:
        """Return what a whole preamble says.

        Raises:
            DecodeError: an address, a port or the checksum is wrong.
        """
        hosts: dict[str, tuple[bytes, int]] = {}
        ports: dict[str, tuple[int, int]] = {}
        for part, start, end in spans:
            field = octets[start:end]
            try:
                if isinstance(part, Address):
                    _agree(hosts, part.of, part.read(field), start)
                elif isinstance(part, Port):
                    _agree(ports, part.of, part.read(field), start)
            except ValueError as error:
                raise DecodeError(
                    f"{part.name}: {error}", reason=Reason.ADDRESS, offset=start
                ) from None
            if isinstance(part, Checksum) and part.refusal is None:
                _check_sum(part, field, octets[:start], start)
        return _composed(hosts, ports)

    def carries(self, source: bytes, destination: bytes) -> bool:
        """Return whether the addresses of 4 or 16 octets can stand here."""
        sides = {"source": source, "destination": destination}
        return all(
            part.carries(sides[part.of])
            for part in self.parts
            if isinstance(part, Address)
        )

    def write(self, hosts: dict[str, bytes], ports: dict[str, int]) -> bytes:
        """Return the octets that name these addresses, which it `carries`.

        Raises:
            EncodeError: a part is not known well enough to be written.
        """
        fields: list[bytes] = []
        for part in self.parts:
            match part:
                case Address():
                    fields.append(part.write(hosts[part.of]))
                case Port():
                    fields.append(part.write(ports[part.of]))
                case Unknown():
                    fields.append(part.write())
                case Literal():
                    fields.append(part.octets)
                case _:
                    # What depends on others is filled in below.
                    fields.append(bytes(part.least))
        for at, part in enumerate(self.parts):
            if isinstance(part, Length) and part.of == "next":
                fields[at] = part.write(len(fields[at + 1]))
        for at, part in enumerate(self.parts):
            if isinstance(part, Length) and part.of != "next":
                fields[at] = _length(part, fields, at)
        for at, part in enumerate(self.parts):
            if isinstance(part, Checksum):
                fields[at] = part.of(b"".join(fields[:at]))
        return b"".join(fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variant) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __reduce__(self) -> tuple[object, ...]:
        return Variant, (self.parts,)

    def __repr__(self) -> str:
        return f"Variant({self.parts!r})"


class _Walker:
    """Finds the parts of one variant one after the other."""

    __slots__ = (
        "_given",
        "_limit",
        "_octets",
        "_said_at",
        "_total",
        "_variant",
        "spans",
    )

    def __init__(self, variant: Variant, octets: bytes, limit: int | None) -> None:
        self._variant = variant
        self._octets = octets
        self._limit = limit
        self._total: int | None = None
        self._given = 0
        self._said_at = 0
        self.spans: list[Span] = []

    def run(self) -> int:
        """Return how many octets are surely missing; 0 when it is whole.

        What is refused stays refused whatever follows, and what is whole stays so: an
        octet decides the same wherever the stream is cut.
        """
        at = 0
        for index, part in enumerate(self._variant.parts):
            least, most = self._bounds(index, part, at)
            end = self._end(index, part, at, least, most)
            part.check(self._octets, at, at + most if end is None else end)
            have = len(self._octets)
            if end is None or end > have:
                if self._total is not None:
                    return self._total - have
                missing = max(at + least - have, 0)
                begun = self._begun(index, at + least) if end is None else 0
                return missing + self._variant.behind(index)[0] - begun
            if isinstance(part, Length):
                self._said(index, part, at, end)
            self.spans.append(Span(part, at, end))
            at = end
        if self._total is not None and at != self._total:
            raise self._overrun(f"{at} octets, where the length says {self._total}")
        return 0

    def _bounds(self, index: int, part: Part, at: int) -> tuple[int, int]:
        """Return the fewest and most octets of a part, as known by now."""
        stop = self._variant.stop(index)
        if stop is _Stop.GIVEN:
            least = most = self._given
        elif stop is _Stop.REST:
            assert self._total is not None
            least = most = self._total - self._variant.behind(index)[0] - at
            if not part.least <= least <= part.most:
                raise self._overrun(f"{least} octets are left for the {part.name}")
        else:
            least, most = part.least, part.most
        if self._total is not None and at + least > self._total:
            raise self._overrun(f"the {part.name} does not fit into the length")
        return least, most

    def _end(
        self, index: int, part: Part, at: int, least: int, most: int
    ) -> int | None:
        """Return where the part ends; None while that cannot be told."""
        stop = self._variant.stop(index)
        if least == most:
            return at + most
        octets = self._octets
        room = at + most if self._total is None else min(at + most, self._total)
        after = self._variant.parts[index + 1]
        assert isinstance(after, Literal)
        if stop is _Stop.LITERAL:
            # Not before its shortest: what stands there may look like the literal.
            bound = at + most + len(after.octets)
            bound = bound if self._total is None else min(bound, self._total)
            end = octets.find(after.octets, at + least, bound)
            if end < 0:
                if len(octets) >= bound:
                    raise _endless(part, room)
                return None
            return end
        alphabet = part.alphabet
        for end in range(at, min(room, len(octets))):
            if octets[end] not in alphabet:
                break
        else:
            if len(octets) < room:
                return None
            end = room
        if end - at < least:
            raise _endless(part, end)
        return end

    def _begun(self, index: int, start: int) -> int:
        """Return how many octets of the literal that ends a part may be there.

        The last octets may be its first ones, and then fewer are missing. *start* is
        where it may stand at the earliest.
        """
        if self._variant.stop(index) is not _Stop.LITERAL:
            return 0
        after = self._variant.parts[index + 1]
        assert isinstance(after, Literal)
        tail = self._octets[start:]
        most = min(len(tail), after.least - 1)
        return next(
            (n for n in range(most, 0, -1) if tail.endswith(after.octets[:n])), 0
        )

    def _said(self, index: int, part: Length, at: int, end: int) -> None:
        """Take what a length says, if it can be."""
        try:
            count = part.count(self._octets[at:end])
        except ValueError as error:
            raise DecodeError(
                f"{part.name}: {error}", reason=Reason.LENGTH, offset=at
            ) from None
        least, most = self._variant.behind(index)
        if part.of == "next":
            after = self._variant.parts[index + 1]
            least, most = after.least, after.most
            self._given = count
        else:
            if part.of == "whole":
                count -= end
            self._total = end + count
        self._said_at = at
        if not least <= count <= most:
            raise DecodeError(
                f"a length of {count} octets, where {least} to {most} can be",
                reason=Reason.LENGTH,
                offset=at,
            )
        whole = self._total if part.of != "next" else end + count
        if self._limit is not None and whole is not None and whole > self._limit:
            # Nobody waits for what would be refused.
            raise DecodeError(
                f"a length that makes {whole} octets, where {self._limit} is the limit",
                reason=Reason.OVERSIZE,
                offset=at,
            )

    def _overrun(self, message: str) -> DecodeError:
        return DecodeError(message, reason=Reason.LENGTH, offset=self._said_at)


def _check_seen(part: Part, after: Literal, at: int) -> None:
    """Refuse what would be written and not read again: it holds the literal behind it.

    Raises:
        ConfigurationError: the literal would be found before its place.
    """
    seen = part.seen if isinstance(part, Unknown) else None
    if seen is None:
        return
    if (seen + after.octets).find(after.octets, part.least) < len(seen):
        raise ConfigurationError(
            f"part {at + 1}: seen={seen.hex()!r} does not end where the literal behind"
            " it begins, since it holds that itself"
        )


def _endless(part: Part, offset: int) -> DecodeError:
    return DecodeError(
        f"the {part.name} does not end as the layout says",
        reason=Reason.LINE,
        offset=offset,
    )


_Value = TypeVar("_Value", bytes, int)


def _agree(
    found: dict[str, tuple[_Value, int]], side: str, value: _Value, at: int
) -> None:
    """Take what a side is; it may be said twice if both are the same."""
    if found.setdefault(side, (value, at))[0] != value:
        raise ValueError("not the one that was said before")


def _check_sum(part: Checksum, field: bytes, before: bytes, at: int) -> None:
    right = part.of(before)
    if field != right:
        raise DecodeError(
            f"the checksum is {field.hex()}, the octets give {right.hex()}",
            reason=Reason.CHECKSUM,
            offset=at,
        )


def _composed(
    hosts: dict[str, tuple[bytes, int]], ports: dict[str, tuple[int, int]]
) -> Preamble:
    source, source_at = hosts["source"]
    port, port_at = ports["source"]
    destination = hosts.get("destination", (bytes(len(source)), 0))[0]
    pair = [source, destination]
    if len(source) != len(destination):
        pair = [bytes(10) + b"\xff\xff" + one if len(one) == 4 else one for one in pair]
    block = pair[0] + pair[1]
    transport = _BLOCK[len(block)]
    number = port << 16 | ports.get("destination", (0, 0))[0]
    block += number.to_bytes(4, "big")
    if fault := block_fault(transport, block):
        offset = source_at if fault[0] == 0 else port_at
        raise DecodeError(fault[1], reason=Reason.ADDRESS, offset=offset)
    if "destination" not in hosts or "destination" not in ports:
        return undirected(transport, block)
    return checked(transport, block)


def _length(part: Length, fields: list[bytes], at: int) -> bytes:
    behind = sum(len(field) for field in fields[at + 1 :])
    if part.of == "rest":
        return part.write(behind)
    before = sum(len(field) for field in fields[:at])
    # A decimal counts itself: as wide as the number that it then is.
    width = part.least
    while len(field := part.write(before + width + behind)) != width:
        width = len(field)
    return field

"""One sequence of parts, as a learnt layout has it for IPv4 or IPv6, say."""

from __future__ import annotations

from sslmagic.errors import ConfigurationError, DecodeError
from sslmagic.preamble import Preamble
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import ANY, Literal, Part
from sslmagic.wire.reading import preamble_of
from sslmagic.wire.steps import steps_of
from sslmagic.wire.walk import Span, Walk, walked
from sslmagic.wire.writing import octets_of

__all__ = ["Variant"]

_MOST_PARTS = 256
"""They are walked again with every octet that a peer sends alone: a thousand of them
would keep a receiver busy for seconds with one connection."""


class Variant:
    """A sequence of parts; immutable.

    Raises:
        ConfigurationError: it cannot be read, or names no client.
    """

    __slots__ = ("_steps", "least", "most", "parts")

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
        for kind in (Address, Port):
            if not any(isinstance(one, kind) and one.of == "source" for one in parts):
                raise ConfigurationError(
                    f"no {kind.__name__.lower()} of the source: nobody is named"
                )
        lengths = [p for p in parts if isinstance(p, Length) and p.of != "next"]
        if len(lengths) > 1:
            raise ConfigurationError("two lengths of the whole: one is enough")
        self._steps = steps_of(parts)
        first = self._steps[0]
        self.least = first.least + first.least_behind
        self.most = first.most + first.most_behind

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
        return walked(self._steps, octets, limit)

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
        return preamble_of(octets, spans)

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
        return octets_of(self.parts, hosts, ports)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variant) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __reduce__(self) -> tuple[object, ...]:
        return Variant, (self.parts,)

    def __repr__(self) -> str:
        return f"Variant({self.parts!r})"

"""A layout that was learnt from a capture, or written down: one more format.

It is made of variants, each a sequence of parts, of which the octets at a place known
in advance say which one it is. A `Learnt` is the name of its format, a string, and so
stands wherever such a name does: in `Trust(formats=...)`, in `encode`, in `decode`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, Self

from sslmagic.address import unmapped
from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason
from sslmagic.preamble import Preamble, Transport
from sslmagic.wire.frame import Frame, Framing

if TYPE_CHECKING:
    # Whoever has no layout loads none of its parts: they take 4 milliseconds.
    from sslmagic.wire.variant import Variant
    from sslmagic.wire.walk import Span, Walk

__all__ = ["MOST", "Learnt", "name_fault"]

MOST = 4096
"""Octets of the longest preamble of a layout that a receiver takes."""

_MOST_VARIANTS = 16
"""Each is tried on the octets of every connection, and told apart from every other."""

_TAKEN = {"magic", "proxy1", "proxy2", "auto", "none", "plain"}
"""Names that mean something else where a format is named."""
_SIZE = {Transport.TCP4: 4, Transport.TCP6: 16}
_TLS = 0x16


def name_fault(name: str) -> str | None:
    """Return why *name* cannot be the name of a layout; None if it can."""
    if re.fullmatch("[a-z][a-z0-9_-]{0,31}", name) and name not in _TAKEN:
        return None
    return (
        "a name is a letter and up to 31 letters, digits, - and _ in lower case, and"
        f" none of {', '.join(sorted(_TAKEN))}"
    )


class Learnt(str):
    """A format made of parts; immutable, hashable, picklable.

    Two of them are equal if they have the same name and the same parts.

    Raises:
        ConfigurationError: it cannot be read.
    """

    __slots__ = ("firsts", "least", "limit", "variants")

    variants: tuple[Variant, ...]
    """At least one; they differ at a place that is known in advance."""
    least: int
    """Octets of the shortest preamble."""
    limit: int
    """Octets of the longest preamble."""
    firsts: frozenset[int]
    """The octets that a preamble may start with."""

    def __new__(cls, name: str, variants: Iterable[Variant]) -> Self:
        """Check the whole of it."""
        if fault := name_fault(name):
            raise ConfigurationError(f"format={name!r}: {fault}")
        learnt = super().__new__(cls, name)
        put = object.__setattr__
        put(learnt, "variants", tuple(variants))
        if not learnt.variants:
            raise ConfigurationError("no variant: a layout has at least one")
        if len(learnt.variants) > _MOST_VARIANTS:
            raise ConfigurationError(
                f"{len(learnt.variants)} variants, where {_MOST_VARIANTS} are most"
            )
        for number, variant in enumerate(learnt.variants, 1):
            if variant.least > MOST:
                raise ConfigurationError(
                    f"variant {number}: {variant.least} octets at the least, where"
                    f" {MOST} is most"
                )
        put(learnt, "least", min(variant.least for variant in learnt.variants))
        most = max(variant.most for variant in learnt.variants)
        put(learnt, "limit", min(most, MOST))
        _check_told_apart(learnt.variants)
        firsts = (variant.alphabets()[0] for variant in learnt.variants)
        put(learnt, "firsts", frozenset[int]().union(*firsts))
        return learnt

    @property
    def is_recognisable(self) -> bool:
        """Whether not every octet may be the first."""
        return len(self.firsts) < 256

    @property
    def starts_as_tls(self) -> bool:
        """Whether it starts as a TLS record does that holds a ClientHello."""
        return self.is_recognisable and _TLS in self.firsts

    @property
    def doubts(self) -> tuple[str, ...]:
        """What `write` puts there without knowing it, in words."""
        found = [
            part.doubt
            for variant in self.variants
            for part in variant.parts
            if part.doubt
        ]
        return tuple(dict.fromkeys(found))

    @property
    def refusal(self) -> str | None:
        """Why no preamble can be written; None if some can."""
        refusals = [
            next(
                (part.refusal for part in variant.parts if part.refusal),
                None,
            )
            for variant in self.variants
        ]
        return refusals[0] if all(refusals) else None

    @property
    def lacks_destination(self) -> bool:
        """Whether a preamble of it may not say in full where the client connected."""
        return any(len(one.destination_parts) < 2 for one in self.variants)

    def says_enough_for(self, format: str) -> bool:
        """Return whether it says as much of the destination as *format* needs."""
        needed = {"destination", "destination port"}
        if isinstance(format, Learnt):
            needs = (variant.destination_parts for variant in format.variants)
            needed = set[str]().union(*needs)
        return all(needed <= variant.destination_parts for variant in self.variants)

    def frame(self, octets: bytes, limit: int) -> Framing:
        """Return how far the preamble at the front of *octets* has come.

        Raises:
            DecodeError: at the first octet that no variant has there.
        """
        seen = octets[:limit]
        wanted, fault = 0, None
        for variant in self.variants:
            walk, error = variant.walked(seen, limit=limit)
            if error is not None:
                if fault is None or error.offset > fault.offset:
                    fault = error
            elif not walk.wanted:
                return Framing(walk.spans[-1].end, 0)
            else:
                wanted = min(wanted or walk.wanted, walk.wanted)
        if not wanted:
            assert fault is not None
            raise fault
        if len(octets) >= limit:
            raise DecodeError(
                f"no whole preamble within {limit} octets",
                reason=Reason.OVERSIZE,
                offset=limit,
            )
        return Framing(0, min(wanted, limit - len(octets)))

    def parse(self, frame: Frame) -> Preamble:
        """Return what a framed preamble says.

        Raises:
            DecodeError: an address, a port or the checksum is wrong.
        """
        variant, walk = self._farthest(frame.octets)
        return variant.preamble(frame.octets, walk.spans)

    def spans(self, octets: bytes) -> list[Span]:
        """Return the parts at the front of *octets*, as far as they are right."""
        return self._farthest(octets)[1].spans

    def write(self, preamble: Preamble, *, limit: int | None = None) -> bytes:
        """Return the octets of a preamble over TCP.

        Raises:
            EncodeError: the layout cannot carry it, is not known well enough, or it
                is longer than *limit* octets.
        """
        size = _SIZE.get(preamble.transport)
        if size is None:
            command = preamble.command.name
            raise EncodeError(
                f"{self} does not carry {command} {preamble.transport.label}"
            )
        if preamble.tlvs:
            raise EncodeError(f"{self} carries no TLVs")
        block = preamble.block
        hosts = {
            "source": unmapped(block[:size]),
            "destination": unmapped(block[size : 2 * size]),
        }
        ports = {
            "source": int.from_bytes(block[-4:-2], "big"),
            "destination": int.from_bytes(block[-2:], "big"),
        }
        for variant in self.variants:
            if variant.carries(hosts["source"], hosts["destination"]):
                if preamble.lacks_destination:
                    self._check_said(variant, hosts, ports)
                octets = variant.write(hosts, ports)
                break
        else:
            raise EncodeError(f"{self} has no variant for {preamble.transport.label}")
        most = self.limit if limit is None else limit
        if len(octets) > most:
            raise EncodeError(
                f"a preamble of {len(octets)} octets, where {most} is the limit"
            )
        return octets

    def _check_said(
        self, variant: Variant, hosts: dict[str, bytes], ports: dict[str, int]
    ) -> None:
        """Refuse what a preamble without a destination does not say of it."""
        said = {
            "destination": any(hosts["destination"]),
            "destination port": ports["destination"] != 0,
        }
        if not all(said[name] for name in variant.destination_parts):
            raise EncodeError(
                "the preamble does not say where its client connected, and"
                f" {self} must: give a destination"
            )

    def _farthest(self, octets: bytes) -> tuple[Variant, Walk]:
        """Return the variant whose octets these are, or are for longest."""
        walks = [(variant, variant.walked(octets)[0]) for variant in self.variants]
        return max(walks, key=lambda one: one[1].spans[-1].end if one[1].spans else 0)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Learnt) and self.variants != other.variants:
            return False
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a layout is immutable: {name} stays as it is")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.variants)

    def __str__(self) -> str:
        # A plain string: nobody who only prints the name keeps the layout.
        return "".join(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, {self.variants!r})"


def _check_told_apart(variants: tuple[Variant, ...]) -> None:
    """Refuse variants of which the same octets could be either.

    Raises:
        ConfigurationError: naming two that no octet tells apart.
    """
    alphabets = [variant.alphabets() for variant in variants]
    for second, behind in enumerate(alphabets):
        for first, before in enumerate(alphabets[:second]):
            pairs = zip(before, behind, strict=False)
            if not any(one.isdisjoint(other) for one, other in pairs):
                raise ConfigurationError(
                    f"variants {first + 1} and {second + 1} differ in no literal that"
                    " stands at a place known in advance"
                )

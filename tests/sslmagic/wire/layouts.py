"""A few layouts that between them have every part, and preambles for them."""

from __future__ import annotations

from sslmagic.preamble import Preamble
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import Learnt
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["FOUR", "LAYOUTS", "SIX", "SPP", "layout"]

FOUR = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
SIX = Preamble(source=("2001:db8::1", 51234), destination=("2001:db8::2", 443))


def layout(name: str, *variants: tuple[Part, ...]) -> Learnt:
    return Learnt(name, [Variant(parts) for parts in variants])


def _text(family: str, word: bytes) -> tuple[Part, ...]:
    return (
        Literal(word),
        Address(of="source", form="text", family=family),  # type: ignore[arg-type]
        Literal(b" "),
        Address(of="destination", form="text", family=family),  # type: ignore[arg-type]
        Literal(b" "),
        Port(of="source", form="decimal"),
        Literal(b" "),
        Port(of="destination", form="decimal"),
        Literal(b"\r\n"),
    )


def _binary(kind: int, width: int) -> tuple[Part, ...]:
    return (
        Literal(bytes((0xB1, kind))),
        Length(width=2),
        Address(of="source", width=width),
        Address(of="destination", width=width),
        Port(of="source", width=2),
        Port(of="destination", width=2),
        Unknown(),
    )


SPP = layout(
    "spp",
    (
        Literal(b"\x56\xec"),
        Address(of="source", width=16),
        Address(of="destination", width=16),
        Port(of="source", width=2),
        Port(of="destination", width=2),
    ),
)
LAYOUTS = (
    SPP,
    layout("text", _text("ipv4", b"PX TCP4 "), _text("ipv6", b"PX TCP6 ")),
    layout("binary", _binary(4, 4), _binary(6, 16)),
    layout(
        "strings",
        (
            Literal(b"\xa5"),
            Length(of="next", width=1),
            Address(of="source", form="text"),
            Length(of="next", width=1, bias=1),
            Port(of="source", form="decimal"),
            Length(of="next", width=1),
            Unknown(),
        ),
    ),
    layout(
        "summed",
        (
            Literal(b"\xa6"),
            Length(of="whole", form="decimal"),
            Literal(b":"),
            Unknown(width=2),
            Address(of="source", width=16, order="little"),
            Port(of="source", width=4, order="little"),
            Checksum(algorithm="xor8"),
        ),
    ),
    layout(
        "tailed",
        (
            Literal(b"<"),
            Length(form="decimal", width=3),
            Address(of="source", form="text"),
            Literal(b","),
            Unknown(longest=20, seen=b"id"),
            Literal(b"::"),
            Port(of="source", form="decimal"),
        ),
    ),
)

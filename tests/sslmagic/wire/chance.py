"""Layouts made by chance of every kind of part: mostly senseless, always readable."""

from __future__ import annotations

import dataclasses
import random

from sslmagic.errors import ConfigurationError
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import Learnt
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["layout_of_chance", "spoilt"]

_WORDS = (b"\r\n", b" ", b"ab", b"::", b"aab")
_HEADS = (b"A", b"B", b"AB", b"\x01")
_SIDES = ("source", "destination")
_ORDERS = ("big", "little")


def layout_of_chance(chance: random.Random) -> Learnt:
    """Return a layout of one or two variants that can be read."""
    while True:
        variants = [_variant(chance) for _ in range(chance.choice((1, 1, 2)))]
        try:
            return Learnt("chance", variants)
        except ConfigurationError:
            continue


def spoilt(octets: bytes, chance: random.Random) -> bytes:
    """Return *octets* with a few of them changed, or none."""
    changed = bytearray(octets)
    for _ in range(chance.choice((0, 0, 1, 3))):
        at = chance.randrange(len(changed))
        others = (chance.randrange(256), chance.choice(changed), 0, 0x30)
        changed[at] = chance.choice(others)
    return bytes(changed)


def _variant(chance: random.Random) -> Variant:
    while True:
        parts = [_part(chance) for _ in range(chance.randint(2, 8))]
        for part in (
            Address(of="source", form=chance.choice(("octets", "text"))),
            chance.choice((_port(chance, "source"), Port(of="source", width=2))),
        ):
            parts.insert(chance.randint(0, len(parts)), part)
        if chance.random() < 0.7:
            parts.insert(0, Literal(chance.choice(_HEADS)))
        for at, one in enumerate(parts):
            if isinstance(one, Unknown) and chance.random() < 0.5:
                parts[at] = _seen(one, parts[at + 1 : at + 2], chance)
        try:
            return Variant(tuple(parts))
        except ConfigurationError:
            continue


def _seen(part: Unknown, after: list[Part], chance: random.Random) -> Part:
    """Return the part with octets that it had, of those that end it, mostly."""
    word = after[0].octets if after and isinstance(after[0], Literal) else b"x"
    count = chance.randint(part.least, min(part.most, part.least + 4))
    octets = b"".join(chance.choices((word, word, b"x", b"\0"), k=count))
    return dataclasses.replace(part, seen=octets[:count])


def _part(chance: random.Random) -> Part:
    kind = chance.choice(
        ("literal", "literal", "address", "port", "length", "unknown", "checksum")
    )
    match kind:
        case "literal":
            some = chance.randbytes(chance.randint(1, 3))
            return Literal(chance.choice((*_WORDS, some)))
        case "address":
            return _address(chance)
        case "port":
            return _port(chance, chance.choice(_SIDES))
        case "length":
            return _length(chance)
        case "unknown":
            width = chance.choice((None, 1, 3))
            shortest, longest = chance.choice((0, 1, 2)), chance.choice((4, 9, 512))
            return Unknown(width=width, shortest=shortest, longest=longest)
        case _:
            return Checksum(algorithm=chance.choice(("unknown", "xor8", "sum8")))


def _address(chance: random.Random) -> Address:
    form = chance.choice(("octets", "text", "decimal", "hex"))
    return Address(
        of=chance.choice(_SIDES),  # type: ignore[arg-type]
        form=form,  # type: ignore[arg-type]
        width=4 if form == "decimal" else chance.choice((4, 16)),
        order=chance.choice(_ORDERS),  # type: ignore[arg-type]
        family=chance.choice(("ipv4", "ipv6", "any")),
        full=chance.random() < 0.3,
        upper=chance.random() < 0.3,
    )


def _port(chance: random.Random, side: str) -> Port:
    form = chance.choice(("octets", "decimal", "hex"))
    widths = {"octets": (2, 4), "decimal": (None, 5), "hex": (None, 4)}
    width = chance.choice(widths[form])
    order = chance.choice(_ORDERS) if width else "big"
    return Port(of=side, form=form, width=width, order=order)  # type: ignore[arg-type]


def _length(chance: random.Random) -> Length:
    form = chance.choice(("octets", "decimal", "hex"))
    widths = {"octets": (1, 2, 4), "decimal": (None, 1, 2, 3), "hex": (2, 4)}
    return Length(
        of=chance.choice(("rest", "whole", "next")),
        form=form,  # type: ignore[arg-type]
        width=chance.choice(widths[form]),
        order=chance.choice(_ORDERS),  # type: ignore[arg-type]
        bias=chance.choice((0, 0, 1, -2, 5)),
    )

"""Both families in one layout: as one variant where they are alike, or told apart."""

from __future__ import annotations

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.union import united
from sslmagic.preamble import Endpoint
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

PORT = Port(of="source", width=2)
NODE = Endpoint("10.0.0.5", 8443)
FOUR, SIX = Endpoint("203.0.113.9", 51234), Endpoint("2001:db8::1", 51234)


def taught(*parts: Part, at: Endpoint) -> tuple[Variant, list[Sample], str]:
    variant = Variant(parts)
    packed = Address(of="source", width=4 if at is FOUR else 16)
    host = next(p for p in parts if isinstance(p, Address))
    value = packed.read(
        b"\xcb\0\x71\x09" if at is FOUR else b"\x20\1\x0d\xb8" + bytes(11) + b"\1"
    )
    octets = variant.write({"source": value}, {"source": at.port})
    assert host.of == "source"
    family = "IPv4" if at is FOUR else "IPv6"
    return variant, [Sample(octets, at, NODE)], family


def text(family: str) -> Address:
    return Address(of="source", form="text", family=family)  # type: ignore[arg-type]


def test_text_of_both_families_is_one_variant() -> None:
    end = Literal(b" ")
    four = taught(Literal(b"C "), text("ipv4"), end, Unknown(width=1), PORT, at=FOUR)
    six = taught(Literal(b"C "), text("ipv6"), end, Unknown(width=1), PORT, at=SIX)
    (variant,), families = united("x", [four, six], [])
    assert families == ["IPv4 and IPv6"]
    assert variant.parts[1] == text("any")


def test_literals_tell_them_apart() -> None:
    four = taught(Literal(b"4"), Address(of="source"), PORT, at=FOUR)
    six = taught(Literal(b"6"), Address(of="source", width=16), PORT, at=SIX)
    variants, families = united("x", [four, six], [])
    assert variants == [four[0], six[0]]
    assert families == ["IPv4", "IPv6"]


def test_a_length_that_never_varies_tells_them_apart() -> None:
    length = Length(width=1)
    four = taught(Literal(b"C"), length, Address(of="source"), PORT, at=FOUR)
    six = taught(Literal(b"C"), length, Address(of="source", width=16), PORT, at=SIX)
    variants, _ = united("x", [four, six], [])
    assert [one.parts[0] for one in variants] == [Literal(b"C\x06"), Literal(b"C\x12")]


def test_what_nothing_tells_apart_is_left_out() -> None:
    needs: list[str] = []
    four = taught(Literal(b"C"), Address(of="source"), PORT, at=FOUR)
    six = taught(Literal(b"C"), Address(of="source", width=16), PORT, at=SIX)
    variants, families = united("x", [(four[0], four[1] * 2, four[2]), six], needs)
    assert (variants, families) == ([four[0]], ["IPv4"])
    assert needs[0].startswith("nothing at a place known in advance")


def test_unknown_parts_of_another_width_are_not_one() -> None:
    end = (Literal(b" "), PORT)
    four = taught(Literal(b"4"), Unknown(width=1), text("ipv4"), *end, at=FOUR)
    six = taught(Literal(b"6"), Unknown(width=2), text("ipv6"), *end, at=SIX)
    assert len(united("x", [four, six], [])[0]) == 2

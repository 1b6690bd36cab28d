"""A sequence of parts: which names no client or is too long, and what it may hold."""

from __future__ import annotations

import pickle

import pytest

from sslmagic.errors import ConfigurationError, DecodeError
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
TEXT = Address(of="source", form="text")
HEAD = Literal(b"A")
CLIENT = b"\xcb\0\x71\x09\xc8\x22"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((), "no address of the source"),
        ((SOURCE, PORT, *[Unknown(width=1)] * 255), "257 parts, where 256 are most"),
        ((SOURCE,), "no port of the source"),
        ((Address(of="destination"), PORT), "no address of the source"),
        ((Length(width=1), Length(width=1), SOURCE, PORT), "two lengths"),
    ],
)
def test_what_makes_no_variant(parts: tuple[Part, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Variant(parts)


def test_a_walk_ends_at_the_first_octet_that_is_wrong() -> None:
    variant = Variant((HEAD, SOURCE, PORT))
    walk = variant.walk(b"A" + CLIENT[:5])
    assert (walk.wanted, [span.end for span in walk.spans]) == (1, [1, 5])
    with pytest.raises(DecodeError, match="42 where the layout has 41"):
        variant.walk(b"B" + CLIENT)
    walk, fault = variant.walked(b"B" + CLIENT)
    assert (walk.spans, fault and fault.offset) == ([], 0)


def test_alphabets_reach_as_far_as_places_are_known() -> None:
    variant = Variant((Literal(b"AB"), Unknown(), Literal(b"C"), SOURCE, PORT))
    assert [len(one) for one in variant.alphabets()] == [1, 1, 256]
    fixed = Variant((Literal(b"A"), SOURCE, PORT))
    assert [len(one) for one in fixed.alphabets()] == [1, *[256] * 6]
    text = Variant((TEXT, Literal(b" "), PORT))
    assert [len(one) for one in text.alphabets()] == [24, 24]


def test_variants_are_values() -> None:
    variant = Variant((HEAD, SOURCE, PORT))
    assert pickle.loads(pickle.dumps(variant)) == variant
    assert hash(variant) == hash(Variant((HEAD, SOURCE, PORT)))
    assert variant != Variant((Literal(b"B"), SOURCE, PORT))
    assert repr(variant).startswith("Variant((Literal(octets=b'A'), ")

"""lengths.py: of the rest, of the whole, of the next part, with a bias or none."""

from __future__ import annotations

from sslmagic.capture.learning.lengths import lengths, prefixed
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address
from sslmagic.wire.parts import Literal, Part, Unknown
from tests.sslmagic.capture.learning.columned import CLIENTS, columns

BODIES = [b"::", b":::::", b":::"]
START = (0, 0, 0)


def found(*rows: bytes) -> dict[tuple[Part, ...], tuple[int, ...]]:
    steps = [*lengths(columns(*rows), START)]
    assert all(step.has_length for step in steps)
    return {step.parts: step.cursors for step in steps}


def test_of_the_rest_and_of_the_whole() -> None:
    rest = found(*(bytes((len(one),)) + one for one in BODIES))
    assert rest == {(Length(width=1),): (1, 1, 1)}
    whole = found(*(bytes((len(one) + 1,)) + one for one in BODIES))
    assert whole == {(Length(of="whole", width=1),): (1, 1, 1)}


def test_a_bias_is_small_and_needs_samples_that_differ() -> None:
    assert found(*(bytes((len(one) + 9,)) + one for one in BODIES)) == {
        (Length(width=1, bias=9),): (1, 1, 1)
    }
    assert found(*(bytes((len(one) + 99,)) + one for one in BODIES)) == {}
    assert found(*[b"\x09abc"] * 3) == {}


def test_a_decimal_takes_the_literal_that_ends_it() -> None:
    bodies = (*BODIES[:2], b":" * 12)
    # What it counts begins behind the digits.
    right = [b"%d:" % (len(one) + 1) + one for one in bodies]
    ended = Literal(b":")
    assert found(*right) == {(Length(form="decimal"), ended): (2, 2, 3)}
    less = [b"%d:" % len(one) + one for one in bodies]
    assert found(*less) == {(Length(form="decimal", bias=-1), ended): (2, 2, 3)}


def test_in_front_of_a_field_and_of_what_is_unknown() -> None:
    hosts = [one.host.encode() for one in CLIENTS]
    rows = columns(*(bytes((len(one),)) + one for one in hosts))
    steps = {step.parts: step.cursors for step in prefixed(rows, START)}
    made = Length(of="next", width=1)
    address = Address(of="source", form="text", family="ipv4")
    assert set(steps) == {(made, address), (made, Unknown(text=True))}
    assert set(steps.values()) == {rows.ends}
    same = columns(*[b"\x03abc"] * 3)
    assert [*prefixed(same, START)] == []

"""unknowns.py: what is told in full, however it ends."""

from __future__ import annotations

from sslmagic.capture.learning.columns import State
from sslmagic.capture.learning.unknowns import Unknowns
from sslmagic.wire.parts import Literal, Unknown
from tests.sslmagic.capture.learning.columned import columns


def test_it_costs_to_begin_and_each_octet_in_each_sample() -> None:
    found = Unknowns(columns(b"ab", b"cd"))
    begun = State((0, 0), has_length=False, in_unknown=False)
    first = found.octet(begun)
    second = found.octet(begun._replace(cursors=(1, 1), in_unknown=True))
    assert (first.parts, first.cursors) == ((Unknown(width=1),), (1, 1))
    assert second.cost == 16.0 < first.cost
    rest = found.rest((0, 1))
    assert (rest.parts, rest.cursors) == ((Unknown(text=True),), (2, 2))
    assert rest.cost == first.cost + 8.0


def test_up_to_what_ends_words_where_the_words_differ_in_length() -> None:
    found = Unknowns(columns(b"a b;", b"cd e;"))
    steps = {step.parts: step.cursors for step in found.delimited((0, 0))}
    assert steps == {
        (Unknown(text=True), Literal(b" ")): (2, 3),
        (Unknown(text=True), Literal(b";")): (4, 5),
    }
    # Words that are as long are octets of a fixed width.
    assert [*found.delimited((2, 3))] == []
    assert [*found.delimited((4, 5))] == []


def test_text_is_told_for_less_than_octets() -> None:
    text = Unknowns(columns(b"a\0", b"bc\0"))
    octets = Unknowns(columns(b"\1\0", b"\1\2\0"))
    (less,) = text.delimited((0, 0))
    (more,) = octets.delimited((0, 0))
    assert less.cost < more.cost


def test_what_ends_words_ends_no_octets_behind_text() -> None:
    found = Unknowns(columns(b"\1a;", b"\1ab;"))
    assert [*found.delimited((0, 0))] == []
    (step,) = found.delimited((1, 1))
    assert step.parts[1] == Literal(b";")

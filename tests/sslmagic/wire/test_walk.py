"""Where the parts stand, octet by octet, and the first octet that is wrong."""

from __future__ import annotations

import io

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import Reason
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.steps import steps_of
from sslmagic.wire.walk import walked
from tests.sslmagic.wire.layouts import FOUR, layout

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
TEXT = Address(of="source", form="text")
CLIENT = b"\xcb\0\x71\x09\xc8\x22"

HEAD = Literal(b"A")
NEXT = Length(of="next", width=1)
REST = Length(width=1)
FAULTS = [
    # A length of its own.
    ((HEAD, NEXT, TEXT, PORT), b"A\x01", Reason.LENGTH, 1),
    ((HEAD, NEXT, TEXT, PORT), b"A\x07x", Reason.LINE, 2),
    # A length of the rest.
    ((HEAD, REST, SOURCE, PORT), b"A\x05", Reason.LENGTH, 1),
    ((HEAD, REST, SOURCE, PORT), b"A\x07", Reason.LENGTH, 1),
    ((HEAD, Length(of="whole", width=1), SOURCE, PORT), b"A\x09", Reason.LENGTH, 1),
    (
        (HEAD, REST, NEXT, Unknown(), SOURCE, PORT),
        b"A\x07\x01." + CLIENT[:4],
        Reason.LENGTH,
        2,
    ),
    (
        (HEAD, REST, NEXT, Unknown(), SOURCE, PORT),
        b"A\x09\x01." + CLIENT,
        Reason.LENGTH,
        2,
    ),
    # A decimal has zeros in front only if its width asks for them.
    (
        (HEAD, Length(form="decimal"), Literal(b":"), SOURCE, PORT),
        b"A07:" + CLIENT,
        Reason.LENGTH,
        1,
    ),
    # A rest that is too long for its part, and one that is none.
    (
        (HEAD, REST, NEXT, Unknown(longest=9), SOURCE, PORT, Unknown(longest=2)),
        b"A\x0a\x00" + CLIENT,
        Reason.LENGTH,
        2,
    ),
    (
        (HEAD, REST, NEXT, Unknown(longest=9), SOURCE, PORT, TEXT),
        b"A\x09\x01." + CLIENT,
        Reason.LENGTH,
        2,
    ),
    # Text ends at a stranger.
    ((HEAD, TEXT, Literal(b" "), PORT), b"A1", None, 0),
    ((HEAD, TEXT, Literal(b" "), PORT), b"A ", Reason.LINE, 1),
    ((HEAD, TEXT, Literal(b" "), PORT), b"A" + b"1" * 46, Reason.FORMAT, 46),
    ((HEAD, REST, TEXT, Literal(b" "), PORT), b"A\x05111111", Reason.LENGTH, 1),
    # Unknown octets end at the literal.
    (
        (HEAD, Unknown(longest=3), Literal(b"::"), SOURCE, PORT),
        b"A....::",
        Reason.LINE,
        4,
    ),
    (
        (HEAD, REST, Unknown(longest=9), Literal(b"::"), SOURCE, PORT),
        b"A\x08........",
        Reason.LINE,
        10,
    ),
]


@pytest.mark.parametrize(("parts", "octets", "reason", "offset"), FAULTS)
def test_faults(
    parts: tuple[Part, ...], octets: bytes, reason: Reason | None, offset: int
) -> None:
    steps = steps_of(parts)
    fault = None
    for end in range(1, len(octets) + 1):
        walk, fault = walked(steps, octets[:end], None)
        if fault is not None:
            break
        assert walk.wanted
    if reason is None:
        assert fault is None
        return
    assert fault is not None
    assert (fault.reason, fault.offset) == (reason, offset)
    # The same if there is more, and if all comes at once.
    _, later = walked(steps, octets + b"more", None)
    assert later is not None
    assert (later.reason, later.offset) == (reason, offset)


def test_a_walk_without_a_fault() -> None:
    walk, fault = walked(steps_of((HEAD, SOURCE, PORT)), b"A" + CLIENT[:5], None)
    assert fault is None
    assert (walk.wanted, [tuple(span) for span in walk.spans]) == (
        1,
        [(HEAD, 0, 1), (SOURCE, 1, 5)],
    )


@pytest.mark.parametrize("ending", [b"\r\n", b"aab", b"--x"])
def test_no_more_is_wanted_than_the_literal_still_lacks(ending: bytes) -> None:
    steps = steps_of((HEAD, SOURCE, PORT, Unknown(shortest=1), Literal(ending)))
    for word in (b"id", ending[:1], ending[:1] * 3, ending[:2] + b"."):
        octets = b"A" + CLIENT + word + ending
        for end in range(len(octets)):
            walk, _ = walked(steps, octets[:end], None)
            assert 0 < walk.wanted <= len(octets) - end, end


def test_a_receiver_that_reads_what_is_wanted_leaves_the_hello() -> None:
    learnt = layout("inv", (HEAD, SOURCE, PORT, Unknown(), Literal(b"\r\n")))
    decoder = Decoder(learnt)
    stream = io.BytesIO(b"A" + CLIENT + b"id\r\n\x16\x03\x01")
    # The line's end comes in two packets.
    assert decoder.feed(stream.read(10)) is None
    while decoder.wanted:
        decoder.feed(stream.read(decoder.wanted))
    assert decoder.close().source == FOUR.source
    assert stream.read() == b"\x16\x03\x01"

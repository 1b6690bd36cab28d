"""A sequence of parts: where each ends, and which sequence cannot be read."""

from __future__ import annotations

import io
import pickle

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason
from sslmagic.wire import Frame
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant
from tests.sslmagic.wire.layouts import FOUR, layout

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
TEXT = Address(of="source", form="text")
CLIENT = b"\xcb\0\x71\x09\xc8\x22"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((), "no address of the source"),
        ((SOURCE, PORT, *[Unknown(width=1)] * 255), "257 parts, where 256 are most"),
        ((SOURCE,), "no port of the source"),
        ((Address(of="destination"), PORT), "no address of the source"),
        ((Length(width=1), Length(width=1), SOURCE, PORT), "two lengths"),
        ((SOURCE, PORT, Length(of="next", width=1)), "and none is"),
        (
            (SOURCE, PORT, Length(of="next", width=1), Length(of="next", width=1)),
            "part 3: a length of the next, which is a length itself",
        ),
        (
            (Length(of="next", width=1), Length(form="decimal", width=2), SOURCE, PORT),
            "part 1: a length of the next, which is a length itself",
        ),
        ((PORT, TEXT), "part 2: nothing tells where the source ends"),
        ((TEXT, PORT), "part 1: nothing tells"),
        ((TEXT, Literal(b":"), PORT), "part 1: .* may hold that octet itself"),
        ((Length(width=1), TEXT, Unknown(), PORT), "part 2: nothing tells"),
        # What is written of it would end too early, or its end would be another.
        *(
            (
                (SOURCE, PORT, Unknown(shortest=1, seen=seen), Literal(b"::")),
                "part 3: seen='.*' does not end where the literal behind it begins",
            )
            for seen in (b"a::", b"a::b", b"a:", b":::")
        ),
    ],
)
def test_what_cannot_be_read(parts: tuple[Part, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Variant(parts)


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
    variant = Variant(parts)
    fault = None
    for end in range(1, len(octets) + 1):
        walk, fault = variant.walked(octets[:end])
        if fault is not None:
            break
        assert walk.wanted
    if reason is None:
        assert fault is None
        return
    assert fault is not None
    assert (fault.reason, fault.offset) == (reason, offset)
    # The same if there is more, and if all comes at once.
    _, later = variant.walked(octets + b"more")
    assert later is not None
    assert (later.reason, later.offset) == (reason, offset)
    with pytest.raises(DecodeError):
        variant.walk(octets)


def test_a_walk_without_a_fault() -> None:
    walk = Variant((HEAD, SOURCE, PORT)).walk(b"A" + CLIENT[:5])
    assert (walk.wanted, [span.end for span in walk.spans]) == (1, [1, 5])


@pytest.mark.parametrize("ending", [b"\r\n", b"aab", b"--x"])
def test_no_more_is_wanted_than_the_literal_still_lacks(ending: bytes) -> None:
    variant = Variant((HEAD, SOURCE, PORT, Unknown(shortest=1), Literal(ending)))
    for word in (b"id", ending[:1], ending[:1] * 3, ending[:2] + b"."):
        octets = b"A" + CLIENT + word + ending
        for end in range(len(octets)):
            wanted = variant.walk(octets[:end]).wanted
            assert 0 < wanted <= len(octets) - end, end


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


def test_alphabets_reach_as_far_as_places_are_known() -> None:
    variant = Variant((Literal(b"AB"), Unknown(), Literal(b"C"), SOURCE, PORT))
    assert [len(one) for one in variant.alphabets()] == [1, 1, 256]
    fixed = Variant((Literal(b"A"), SOURCE, PORT))
    assert [len(one) for one in fixed.alphabets()] == [1, *[256] * 6]
    text = Variant((TEXT, Literal(b" "), PORT))
    assert [len(one) for one in text.alphabets()] == [24, 24]


def test_an_address_may_be_said_twice_if_it_is_the_same() -> None:
    twice = layout("twice", (HEAD, SOURCE, PORT, SOURCE))
    octets = twice.write(FOUR)
    assert octets == b"A" + CLIENT + CLIENT[:4]
    assert twice.parse(Frame(twice, octets)).source == FOUR.source
    with pytest.raises(DecodeError, match="not the one that was said before") as caught:
        twice.parse(Frame(twice, octets[:-1] + b"\0"))
    assert (caught.value.reason, caught.value.offset) == (Reason.ADDRESS, 7)


@pytest.mark.parametrize(
    ("octets", "offset"),
    [(b"A\0\0\0\0\xc8\x22", 1), (b"A\xcb\0\x71\x09\0\0", 5)],
    ids=["source", "port"],
)
def test_an_address_that_no_client_has(octets: bytes, offset: int) -> None:
    plain = layout("bare", (HEAD, SOURCE, PORT))
    with pytest.raises(DecodeError, match="cannot be a client's") as caught:
        plain.parse(Frame(plain, octets))
    assert (caught.value.reason, caught.value.offset) == (Reason.ADDRESS, offset)


def test_a_pair_of_two_families() -> None:
    parts = (HEAD, SOURCE, PORT, Address(of="destination", width=16))
    mixed = layout("mixed", parts)
    octets = b"A" + CLIENT + b"\x20\x01" + bytes(13) + b"\1"
    preamble = mixed.parse(Frame(mixed, octets))
    assert str(preamble.source) == "203.0.113.9:51234"
    # An address without a port is no destination, and is written again as it was.
    assert preamble.destination is None
    assert mixed.write(preamble) == octets


def test_a_checksum_is_checked_if_it_is_known() -> None:
    summed = layout("sums", (HEAD, SOURCE, PORT, Checksum(algorithm="sum8")))
    octets = summed.write(FOUR)
    with pytest.raises(DecodeError, match="the checksum is 00") as caught:
        summed.parse(Frame(summed, octets[:-1] + b"\0"))
    assert (caught.value.reason, caught.value.offset) == (Reason.CHECKSUM, 7)
    unknown = layout("sums", (HEAD, SOURCE, PORT, Checksum()))
    assert unknown.parse(Frame(unknown, octets)).source == FOUR.source
    with pytest.raises(EncodeError, match="not known"):
        unknown.write(FOUR)


@pytest.mark.parametrize("more", range(85, 95))
def test_a_decimal_counts_itself(more: int) -> None:
    whole = Length(of="whole", form="decimal")
    parts = (HEAD, whole, Literal(b":" + b"." * more), SOURCE, PORT)
    octets = layout("all", parts).write(FOUR)
    assert int(octets[1:].partition(b":")[0]) == len(octets)


def test_variants_are_values() -> None:
    variant = Variant((HEAD, SOURCE, PORT))
    assert pickle.loads(pickle.dumps(variant)) == variant
    assert hash(variant) == hash(Variant((HEAD, SOURCE, PORT)))
    assert variant != Variant((Literal(b"B"), SOURCE, PORT))
    assert repr(variant).startswith("Variant((Literal(octets=b'A'), ")


@pytest.mark.parametrize("seen", [b":a", b"::", b"a", b":"])
def test_what_was_seen_and_ends_at_its_literal_is_read_again(seen: bytes) -> None:
    # Two octets at least may hold the literal itself.
    part = Unknown(shortest=len(seen), seen=seen)
    parts = (HEAD, SOURCE, PORT, part, Literal(b";:"))
    learnt = layout("seen", parts)
    octets = learnt.write(FOUR)
    assert octets == b"A" + CLIENT + seen + b";:"
    assert learnt.frame(octets + b"x", 99).length == len(octets)

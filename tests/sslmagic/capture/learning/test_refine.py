"""What was unknown in a few samples is made wide enough for later ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sslmagic.capture.learning.refine import counters_widened, refined
from sslmagic.errors import ConfigurationError
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
CLIENT = b"\xcb\0\x71\x09\xc8\x22"
CLOCK = 1_795_741_200


def parts(before: bytes, unknown: int, after: bytes) -> tuple[Part, ...]:
    first = (Literal(before), Unknown(width=unknown), Literal(after))
    return (*first, SOURCE, PORT)


@pytest.mark.parametrize(
    ("before", "numbers", "after", "right"),
    [
        # A counter, and one that has come to 1000.
        (b"A\0\0\0", [b"\1", b"\2"], b"B", (b"A", 4, b"B")),
        (b"A\0\0\3", [b"\xe9", b"\xea"], b"B", (b"A", 4, b"B")),
        # The same from the other end.
        (b"A", [b"\1", b"\2"], b"\0\0\0B", (b"A", 4, b"B")),
        # A clock, in seconds and in milliseconds.
        *(
            (
                b"A" + (CLOCK * unit).to_bytes(width, "big")[:-2],
                [(CLOCK * unit + n).to_bytes(width, "big")[-2:] for n in (7, 900)],
                b"B",
                (b"A", width, b"B"),
            )
            for width, unit in ((4, 1), (6, 1000), (8, 1000))
        ),
        # What is no clock stays as it is, and so does the only literal in front.
        (b"A\x97\x77", [b"\1\2", b"\2\3"], b"B", (b"A\x97\x77", 2, b"B")),
        (b"\0", [b"\1", b"\2"], b"B", (b"\0", 1, b"B")),
    ],
)
def test_numbers_have_their_high_octets_back(
    before: bytes, numbers: list[bytes], after: bytes, right: tuple[bytes, int, bytes]
) -> None:
    samples = [before + one + after + CLIENT for one in numbers]
    variant = refined(parts(before, len(numbers[0]), after), samples)
    assert variant.parts[:3] == (
        Literal(right[0]),
        Unknown(width=right[1]),
        Literal(right[2]),
    )


def test_no_octet_of_a_literal_may_be_left() -> None:
    first = (Literal(b"A"), SOURCE, Literal(b"\0\0\0"), Unknown(width=1), PORT)
    samples = [b"A" + CLIENT[:4] + b"\0\0\0" + one + CLIENT[4:] for one in (b"1", b"2")]
    assert refined(first, samples).parts[2] == Unknown(width=4)


@pytest.mark.parametrize(
    ("before", "words", "after", "right"),
    [
        (b"id=17", [b"42", b"55"], b"9;", (b"id=", b";")),
        (b"id=ab", [b"c1", b"2d"], b";", (b"id=", b";")),
        (b"id=q", [b"xy", b"zz"], b"w;", (b"id=", b";")),
    ],
)
def test_words_are_unknown_as_a_whole(
    before: bytes, words: list[bytes], after: bytes, right: tuple[bytes, bytes]
) -> None:
    samples = [before + one + after + CLIENT for one in words]
    variant = refined(parts(before, 2, after), samples)
    word = Unknown(text=True, shortest=1)
    assert variant.parts[:3] == (Literal(right[0]), word, Literal(right[1]))


def test_a_letter_that_happened_to_be_the_same_is_no_literal() -> None:
    first = (Literal(b"id="), Unknown(width=1), Literal(b"7"), Unknown(width=1))
    samples = [b"id=" + one + b";" + CLIENT for one in (b"a7b", b"c7d")]
    word = Unknown(text=True, shortest=1)
    variant = refined((*first, Literal(b";"), SOURCE, PORT), samples)
    assert variant.parts[:3] == (Literal(b"id="), word, Literal(b";"))


@pytest.mark.parametrize(("before", "after"), [(b"=\xe9", b";"), (b"=", b"zz\xe9")])
def test_what_is_no_word_keeps_its_width(before: bytes, after: bytes) -> None:
    samples = [before + one + after + CLIENT for one in (b"12", b"34")]
    variant = refined(parts(before, 2, after), samples)
    assert variant.parts[1] == Unknown(width=2, text=True)


def test_what_never_varies_is_remembered() -> None:
    first = (Literal(b"A"), Unknown(width=2), SOURCE, PORT)
    variant = refined(first, [b"A\1\2" + CLIENT, b"A\1\2\1" + CLIENT[1:]])
    assert variant.parts[1] == Unknown(width=2, seen=b"\1\2")


@pytest.mark.parametrize(
    ("before", "word", "after", "head", "tail"),
    [
        (b"HI 2026-11-27T03:20:", b"%02d", b"Z ", b"HI ", b"Z "),
        (b"@03:1", b"%d", b" ", b"@", b" "),
        (b"at=2026-11-27 03:", b"%02d", b",", b"at=", b","),
        (b"v1.3 n=", b"%02d", b" ", b"v1.3 n=", b" "),
    ],
)
def test_a_time_in_text_is_wider_than_what_varied(
    before: bytes, word: bytes, after: bytes, head: bytes, tail: bytes
) -> None:
    width = len(word % 1)
    found = (Literal(before), Unknown(width=width), Literal(after), SOURCE, PORT)
    rows = [before + word % n + after + CLIENT for n in range(1, 9)]
    variant = refined(found, rows)
    assert variant.parts[0] == Literal(head)
    assert variant.parts[2] == Literal(tail)
    assert isinstance(variant.parts[1], Unknown)


def test_parts_that_do_not_read_their_samples() -> None:
    with pytest.raises(ConfigurationError, match="does not read all samples"):
        refined((Literal(b"A"), SOURCE, PORT), [b"A" + CLIENT, b"B" + CLIENT])


@pytest.mark.parametrize(
    ("before", "numbers", "after", "width", "right"),
    [
        # Two octets that never varied are the front of what counts, on either side.
        (b"A\x01\x11", range(0x70, 0x7A), b"B", 3, (b"A", 3, b"B")),
        (b"A", range(0x70, 0x7A), b"\x11\x01B", 3, (b"A", 3, b"B")),
        (b"A\x01\x11", range(0x70, 0x7A), b"\x11\x01B", 3, (b"A", 5, b"B")),
        (b"A\x01\x11", range(0x70, 0x7A), b"B", 2, (b"A\x01", 2, b"B")),
        # Words are no number's front, and neither is all that a layout starts with.
        (b"\x01ok", range(0x70, 0x7A), b"\r\n", 3, (b"\x01ok", 1, b"\r\n")),
        (b"\x01", range(0x70, 0x7A), b"B", 3, (b"\x01", 1, b"B")),
        # Said twice, too far apart or too few: nothing counts.
        (b"A\x01\x11", [9, 9, 10, 11, 12], b"B", 3, (b"A\x01\x11", 1, b"B")),
        (b"A\x01\x11", range(0, 250, 25), b"B", 3, (b"A\x01\x11", 1, b"B")),
        (b"A\x01\x11", [9, 200], b"B", 3, (b"A\x01\x11", 1, b"B")),
    ],
)
def test_what_counts_may_have_more_octets_than_varied(
    before: bytes,
    numbers: Sequence[int],
    after: bytes,
    width: int,
    right: tuple[bytes, int, bytes],
) -> None:
    samples = [before + bytes((one,)) + after + CLIENT for one in numbers]
    variant = Variant(parts(before, 1, after))
    assert counters_widened(variant, samples, (width, (-1, 1))).parts[:3] == (
        Literal(right[0]),
        Unknown(width=right[1]),
        Literal(right[2]),
    )

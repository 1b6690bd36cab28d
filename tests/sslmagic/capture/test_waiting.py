"""waiting.py: parts that wait, as the Linux kernel keeps them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sslmagic.capture.waiting import Part, add, differing, overlaps, within


def waiting(*parts: Part) -> list[Part]:
    kept: list[Part] = []
    for offset, octets in parts:
        add(kept, offset, octets, closing=False)
    return kept


def test_one_that_lies_within_another_is_dropped() -> None:
    assert waiting((2, b"aaaa"), (3, b"BB")) == [(2, b"aaaa")]


def test_a_longer_one_that_begins_alike_replaces_the_other() -> None:
    assert waiting((2, b"aa"), (2, b"BBBB")) == [(2, b"BBBB")]


def test_with_a_fin_one_that_is_as_long_replaces_the_other() -> None:
    kept = waiting((2, b"aa"))
    add(kept, 2, b"BB", closing=True)
    assert kept == [(2, b"BB")]


def test_one_that_covers_others_replaces_them() -> None:
    parts = waiting((3, b"a"), (5, b"a"), (9, b"a"), (2, b"BBBBB"))
    assert parts == [(2, b"BBBBB"), (9, b"a")]


def test_those_that_overlap_in_part_both_stay() -> None:
    assert waiting((4, b"aaaa"), (2, b"BBBB")) == [(2, b"BBBB"), (4, b"aaaa")]
    assert waiting((2, b"aaaa"), (4, b"BBBB")) == [(2, b"aaaa"), (4, b"BBBB")]


def test_neighbours_are_one() -> None:
    # So that what lies across the seam lies within them.
    assert waiting((2, b"aa"), (4, b"aa"), (3, b"BB")) == [(2, b"aaaa")]


_PARTS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 8)).map(
        lambda span: (span[0], b"abcdefghijklmnopqrstuvwxyz+-"[span[0] :][: span[1]])
    ),
    max_size=12,
)


@given(_PARTS, st.integers(0, 20), st.integers(1, 8))
def test_no_octet_is_lost_and_each_question_is_about_those_there(
    parts: list[Part], offset: int, length: int
) -> None:
    kept = waiting(*parts)
    assert kept == sorted(kept)
    there = {at + index for at, part in parts for index in range(len(part))}
    assert {at + index for at, part in kept for index in range(len(part))} == there
    asked = set(range(offset, offset + length))
    assert overlaps(kept, offset, offset + length) == bool(asked & there)
    if within(kept, offset, offset + length):
        assert asked <= there
    octets = bytes(length)
    assert differing(kept, offset, octets) == len(asked & there)

"""The parts of a learnt layout, laid out for people."""

from __future__ import annotations

import pytest

from sslmagic.anatomy import REST, UNREAD, Field, anatomy
from sslmagic.wire.learnt import Learnt
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS

BINARY, STRINGS, SUMMED = LAYOUTS[2:5]


def said(octets: bytes, layout: Learnt) -> list[tuple[str, str]]:
    fields = anatomy(octets, layout)
    assert b"".join(field.octets for field in fields) == octets
    return [(field.name, field.meaning) for field in fields]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_all_octets_of_any_front_are_shown(layout: Learnt) -> None:
    octets = layout.write(FOUR)
    for end in range(len(octets)):
        said(octets[:end], layout)
        said(octets[:end] + b"\xff" + octets[end + 1 :], layout)


def test_what_each_part_means() -> None:
    assert said(BINARY.write(FOUR) + b"more", BINARY) == [
        ("literal", ""),
        ("length", "12 octets follow"),
        ("source", "203.0.113.9"),
        ("destination", "198.51.100.2"),
        ("source port", "51234"),
        ("destination port", "443"),
        (REST, ""),
    ]


def test_text_checksums_and_what_is_unknown() -> None:
    octets = SUMMED.write(FOUR)
    assert said(octets, SUMMED) == [
        ("literal", ""),
        ("length", "27 octets in all"),
        ("literal", ":"),
        ("unknown", "unknown"),
        ("source", "203.0.113.9"),
        ("source port", "51234"),
        ("checksum", "matches"),
    ]
    wrong = octets[:-1] + bytes((octets[-1] ^ 1,))
    assert said(wrong, SUMMED)[-1] == ("checksum", f"does not match: {octets[-1]:02x}")
    named = octets.replace(b":\0\0", b":ab")
    assert said(named, SUMMED)[3] == ("unknown", "unknown: ab")


def test_what_is_no_address_is_said_so() -> None:
    octets = b"\xa5\x031:2\x08"
    assert said(octets, STRINGS) == [
        ("literal", ""),
        ("length", "3 octets in the next part"),
        ("source", "At least 3 parts expected in '1:2'"),
        (UNREAD, ""),
    ]
    assert anatomy(b"\xa5", STRINGS) == (Field(0, b"\xa5", "literal", ""),)

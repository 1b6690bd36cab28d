"""Parts in words."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.spelling import SPELLINGS
from sslmagic.capture.learning.spoken import spoken
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Literal(b"PROXY "), "'PROXY '"),
        (Literal(b"\r\n"), "always the same"),
        (Address(of="source"), "4 octets"),
        (
            Address(of="source", width=16, order="little"),
            "16 octets, IPv4 as mapped, little-endian",
        ),
        (Address(of="source", form="text"), "IPv4 or IPv6 text"),
        (
            Address(of="source", form="text", family="ipv6", full=True, upper=True),
            "IPv6 text, in full, upper case",
        ),
        (Address(of="source", form="decimal"), "IPv4 as one decimal number"),
        (Address(of="source", form="hex"), "4 octets in hex"),
        (Port(of="source", width=2, order="little"), "2 octets, little-endian"),
        (Port(of="source", form="decimal", width=5), "decimal text of 5 digits"),
        (Length(width=1), "of what follows, 1 octet"),
        (Length(of="next", width=1, bias=2), "of the next part, +2, 1 octet"),
        (
            Length(of="whole", form="decimal"),
            "of the whole preamble, in decimal text",
        ),
        (Length(form="hex", width=2), "of what follows, in hex text"),
        (
            Length(form="hex", width=4, upper=True),
            "of what follows, in hex text, upper case",
        ),
        (Checksum(algorithm="xor8"), "xor8 of all octets before"),
        (Unknown(), "of any width"),
        (Unknown(width=3), "3 octets"),
    ],
)
def test_words(part: Part, words: str) -> None:
    assert spoken(part) == words


def test_no_two_spellings_are_called_the_same() -> None:
    words = {(field.name, spoken(field)) for field in SPELLINGS}
    assert len(words) == len(SPELLINGS)

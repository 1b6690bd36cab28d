"""reading.py: a preamble alone, and one with something behind it."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.reading import begins, reads
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal
from sslmagic.wire.variant import Variant

VARIANT = Variant((Literal(b"\xb1"), Address(of="source"), Port(of="source", width=2)))
WHOLE = bytes.fromhex("b1cb007109c822")


@pytest.mark.parametrize(
    ("octets", "is_begun", "is_read"),
    [
        (WHOLE, True, True),
        (WHOLE + b"\x16", True, False),
        (WHOLE[:-1], False, False),
        (b"\xb2" + WHOLE[1:], False, False),
    ],
)
def test_whole_and_no_more(octets: bytes, is_begun: bool, is_read: bool) -> None:
    assert begins(VARIANT, octets) == is_begun
    assert reads(VARIANT, octets) == is_read

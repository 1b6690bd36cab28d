"""What a whole preamble says, and what is refused of it."""

from __future__ import annotations

import pytest

from sslmagic.errors import DecodeError, Reason
from sslmagic.wire import Frame
from sslmagic.wire.computed import Checksum
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal
from tests.sslmagic.wire.layouts import FOUR, layout

HEAD = Literal(b"A")
SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
CLIENT = b"\xcb\0\x71\x09\xc8\x22"


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

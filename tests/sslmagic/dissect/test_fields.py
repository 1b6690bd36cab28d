"""Fields by themselves: random values that mean something, addresses, transports."""

from __future__ import annotations

import pytest

from sslmagic.dissect.fields import Mostly
from sslmagic.dissect.scapy_layer import MAGIC, PROXYv2


def test_a_random_choice_mostly_means_something() -> None:
    drawn = [Mostly([1, 2], 255)._fix() for _ in range(400)]
    assert 300 < sum(value in (1, 2) for value in drawn) < 400
    assert max(drawn) > 2
    assert min(drawn) >= 0


@pytest.mark.parametrize(
    ("given", "packed"),
    [
        ("203.0.113.9", "cb007109"),
        (b"\x01\x02", "01020000"),
        (b"\x01\x02\x03\x04\x05", "01020304"),
    ],
)
def test_hosts_of_ipv4(given: str | bytes, packed: str) -> None:
    assert bytes(MAGIC(transport="TCP4", source=given))[12:16].hex() == packed


def test_a_path_is_filled_up_with_zeros() -> None:
    block = bytes(PROXYv2(transport="UNIX", source="/a"))[16:]
    assert block[:108] == b"/a" + bytes(106)
    assert len(block) == 216


def test_octets_of_a_path_may_be_any() -> None:
    octets = b"\0abstract".ljust(108, b"\xff")
    layer = PROXYv2(bytes(PROXYv2(transport="UNIX", destination=octets)))
    assert layer.destination == octets


def test_the_transport_is_named_or_a_number() -> None:
    assert MAGIC(transport="UNIX-DGRAM").transport == 0x32
    assert MAGIC(transport=0x44).transport == 0x44
    assert bytes(MAGIC(transport=None))[10] == 0x11

"""checksum.py: which segments a kernel takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.capture.checksum import is_right, is_unfinished
from tests.harness.frames import ACK, PSH, Route, frame

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
ROUTES = {
    4: Route(MACS, ("198.18.0.2", "198.18.0.1")),
    6: Route(MACS, ("fd53::2", "fd53::1")),
}


def made(version: int, data: bytes) -> tuple[bytes, bytes, int]:
    """Addresses, a frame, and where its segment begins."""
    octets = frame(
        ROUTES[version], (50000, 443), seq=7, ack=9, flags=ACK | PSH, data=data
    )
    at = 34 if version == 4 else 54
    return octets[26:34] if version == 4 else octets[22:54], octets, at


@given(version=st.sampled_from([4, 6]), data=st.binary(max_size=99), spoilt=st.data())
def test_as_scapy_makes_it(version: int, data: bytes, spoilt: st.DataObject) -> None:
    addresses, octets, at = made(version, data)
    assert is_right(addresses, octets, at, len(octets))
    place = spoilt.draw(st.integers(at, len(octets) - 1))
    bit = 1 << spoilt.draw(st.integers(0, 7))
    other = octets[:place] + bytes((octets[place] ^ bit,)) + octets[place + 1 :]
    assert not is_right(addresses, other, at, len(other))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("counted", [True, False])
def test_what_is_left_to_the_network_card(version: int, *, counted: bool) -> None:
    addresses, octets, at = made(version, b"hello")
    words = [addresses[n] << 8 | addresses[n + 1] for n in range(0, len(addresses), 2)]
    total = sum(words) + 6 + (len(octets) - at if counted else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    for value, unfinished in ((total, True), (0, True), (total ^ 0x0101, False)):
        other = octets[: at + 16] + value.to_bytes(2, "big") + octets[at + 18 :]
        assert not is_right(addresses, other, at, len(other))
        assert is_unfinished(addresses, other, at, len(other)) == unfinished

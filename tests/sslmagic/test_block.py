"""block.py: the packed addresses of all formats, and their text."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.block import (
    Endpoint,
    Transport,
    UnixEndpoint,
    block_fault,
    endpoint_in,
    pack_block,
    unmapped_block,
)


def test_a_block_reads_as_it_was_packed() -> None:
    pair = Endpoint("203.0.113.9", 51234), Endpoint("2001:db8::2", 443)
    transport, block = pack_block(*pair, None)
    assert transport is Transport.TCP6
    assert len(block) == transport.block_length
    assert tuple(endpoint_in(transport, block, side) for side in (0, 1)) == pair
    assert endpoint_in(Transport.UNKNOWN, b"", 0) is None


def test_a_path_is_followed_by_zeros_only() -> None:
    path = b"/a".ljust(108, b"\0")
    wrong = b"/a\0b".ljust(108, b"\0")
    assert block_fault(Transport.UNIX, path + path) is None
    assert block_fault(Transport.UNIX, wrong + path) == (
        2,
        "a UNIX path is followed by zeros only",
    )
    fault = block_fault(Transport.UNIX, path + wrong)
    assert fault is not None
    assert fault[0] == 110
    assert block_fault(Transport.UNKNOWN, b"") is None


def test_unmapping_a_block() -> None:
    mapped = bytes(10) + b"\xff\xff" + bytes((1, 2, 3, 4))
    ports = b"\0\1\0\2"
    assert unmapped_block(Transport.UDP6, mapped + mapped + ports) == (
        Transport.UDP4,
        bytes((1, 2, 3, 4)) * 2 + ports,
    )
    mixed = mapped + bytes(16) + ports
    assert unmapped_block(Transport.TCP6, mixed) == (Transport.TCP6, mixed)


def test_labels_are_the_ones_of_the_json() -> None:
    assert [t.label for t in Transport] == [
        "UNKNOWN",
        "TCP4",
        "UDP4",
        "TCP6",
        "UDP6",
        "UNIX",
        "UNIX-DGRAM",
    ]


@given(st.ip_addresses(), st.integers(0, 65535))
def test_endpoints_read_what_they_write(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    endpoint = Endpoint.parse(
        f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    )
    assert Endpoint.parse(str(endpoint)) == endpoint
    assert endpoint.port == port


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:٣",
        "::1:443",
        "[::1]",
        "x:1",
    ],
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Endpoint.parse(text)


def test_a_unix_endpoint_says_its_kind() -> None:
    assert str(UnixEndpoint("/run/x.sock")) == "unix:/run/x.sock"

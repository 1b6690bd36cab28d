"""address.py: one address has one reading, and some cannot be a client's."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.address import (
    host_text,
    is_loopback,
    pack_host,
    source_fault,
    unmapped,
)


@given(st.ip_addresses())
def test_packing_agrees_with_ipaddress(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    packed = pack_host(str(address))
    assert packed == unmapped(address.packed)
    if len(packed) == len(address.packed):
        assert host_text(packed) == str(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.256",
        "1.2.3.4_4",
        "+1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4\n",
        "localhost",
        "::1%lo",
        ":::",
        "12345::",
        "::ffff:1.2.3.04",
        "[::1]",
    ],
)
def test_what_is_no_literal_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pack_host(text)


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert pack_host("::ffff:203.0.113.9") == bytes((203, 0, 113, 9))
    assert host_text(bytes(10) + b"\xff\xff\xcb\x00\x71\x09") == "203.0.113.9"


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.0.0.1", None),
        ("127.0.0.1", None),
        ("10.0.0.1", None),
        ("223.255.255.255", None),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", None),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", None),
        ("::2", "::/96"),
        ("::1.2.3.4", "::/96"),
        ("ff02::1", "multicast"),
        ("fe80::1", None),
        ("::ffff:0.0.0.0", "unspecified"),
        ("::ffff:224.0.0.1", "multicast"),
        ("2001:db8::1", None),
    ],
)
def test_what_cannot_be_a_client(host: str, fault: str | None) -> None:
    found = source_fault(ipaddress.ip_address(host).packed)
    assert (found is None) if fault is None else (fault in (found or ""))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.9"]
)
def test_loopback(host: str) -> None:
    assert is_loopback(ipaddress.ip_address(host).packed)


@pytest.mark.parametrize("host", ["128.0.0.1", "::2", "::ffff:10.0.0.1"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(ipaddress.ip_address(host).packed)

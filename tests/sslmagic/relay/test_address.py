"""Addresses as the kernel wants and gives them."""

from __future__ import annotations

import socket

import pytest

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address, SocketAddress, endpoint


@pytest.mark.parametrize(
    ("where", "family", "name", "text"),
    [
        (
            Endpoint("192.0.2.1", 443),
            socket.AF_INET,
            ("192.0.2.1", 443),
            "192.0.2.1:443",
        ),
        (Endpoint("::1", 443), socket.AF_INET6, ("::1", 443, 0, 0), "[::1]:443"),
        (Endpoint("", 443), socket.AF_INET6, ("::", 443, 0, 0), "[::]:443"),
        (UnixEndpoint("/run/x"), socket.AF_UNIX, "/run/x", "unix:/run/x"),
    ],
)
def test_where_a_socket_listens_or_connects(
    where: Endpoint | UnixEndpoint, family: int, name: object, text: str
) -> None:
    address = Address.of(where)
    assert (address.family, address.name, str(address)) == (family, name, text)
    assert address.is_tcp is (family != socket.AF_UNIX)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (("192.0.2.1", 5), Endpoint("192.0.2.1", 5)),
        (("2001:db8::1", 5, 0, 0), Endpoint("2001:db8::1", 5)),
        (("::ffff:192.0.2.1", 5, 0, 0), Endpoint("192.0.2.1", 5)),
        (("fe80::1%lo", 5, 0, 1), Endpoint("fe80::1", 5)),
        ("/run/x", UnixEndpoint("/run/x")),
        ("", UnixEndpoint("")),
        (b"\0abstract", UnixEndpoint("")),
    ],
)
def test_what_the_kernel_names(
    name: SocketAddress, expected: Endpoint | UnixEndpoint
) -> None:
    assert endpoint(name) == expected

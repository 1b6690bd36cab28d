"""Addresses of clients equal Twisted's own, and say more."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from sslmagic import Endpoint, Preamble, UnixEndpoint
from sslmagic.listener.peername import IPName, PeerName, UnixName
from sslmagic.servers.twisted.address import Unnamed, client_address
from tests.sslmagic.receiving import PREAMBLE

PEER = Endpoint("10.0.0.1", 4242)
PLAIN: dict[str, tuple[PeerName, Any]] = {
    "ipv4": (
        IPName(("203.0.113.9", 51234), PREAMBLE, PEER),
        IPv4Address("TCP", "203.0.113.9", 51234),
    ),
    "ipv6": (
        IPName(("2001:db8::9", 51234, 0, 0), PREAMBLE, PEER),
        IPv6Address("TCP", "2001:db8::9", 51234),
    ),
    "unix": (UnixName("/no/such", PREAMBLE, PEER), UNIXAddress(b"/no/such")),
    "unnamed-unix": (UnixName("", None, UnixEndpoint("")), UNIXAddress(None)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_clients_address_equals_the_plain_one(name: str) -> None:
    client, plain = PLAIN[name]
    address = client_address(client)
    assert address == plain
    assert plain == address
    assert hash(address) == hash(plain)
    assert isinstance(address, type(plain))


@pytest.mark.parametrize("name", PLAIN)
def test_a_clients_address_says_who_named_it(name: str) -> None:
    client, _ = PLAIN[name]
    address = client_address(client)
    assert (address.preamble, address.peer) == (client.preamble, client.peer)


def test_clients_differ_by_port_and_family() -> None:
    address = client_address(PLAIN["ipv4"][0])
    assert address != IPv4Address("TCP", "203.0.113.9", 51235)
    assert address != client_address(PLAIN["ipv6"][0])
    assert client_address(PLAIN["ipv6"][0]) != IPv6Address("TCP", "2001:db8::8", 51234)


def test_no_client_is_no_unix_peer() -> None:
    address = client_address(UnixName("", Preamble.local(), PEER))
    assert isinstance(address, Unnamed)
    assert address != UNIXAddress(None)
    assert (address.host, address.port, address.peer) == ("", 0, PEER)
    assert repr(address) == "Unnamed()"

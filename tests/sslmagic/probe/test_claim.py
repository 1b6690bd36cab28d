"""claim.py: every claim is somebody else, and has the fault it is meant to have."""

from __future__ import annotations

import ipaddress
import random

import pytest

from sslmagic import DecodeError, Endpoint, decode
from sslmagic.errors import Reason
from sslmagic.preamble import Command
from sslmagic.probe.claim import CHECKED, Claims, bad_checksum, local, said
from sslmagic.wire import FORMATS

DOCUMENTATION = [
    ipaddress.ip_network(each)
    for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]
CLIENT = Endpoint("203.0.113.9", 51234)


def test_clients_are_of_the_ranges_for_documentation_and_none_comes_twice() -> None:
    claims = Claims()
    clients = [claims.client() for _ in range(100)]
    assert len({client.host for client in clients}) == 100
    for client in clients:
        address = ipaddress.ip_address(client.host)
        assert any(address in network for network in DOCUMENTATION)


def test_a_client_is_none_that_is_somebody() -> None:
    """A network may use these ranges in earnest, and the prober be in it."""
    drawn, again = Claims(random.Random(1)), Claims(random.Random(1))
    somebody = drawn.client().host
    assert again.client({somebody}).host != somebody


def test_chance_draws_them() -> None:
    first, again = Claims(random.Random(1)), Claims(random.Random(1))
    assert [first.client(), first.loopback()] == [again.client(), again.loopback()]
    assert Claims(random.Random(2)).client() != Claims(random.Random(1)).client()


def test_a_loopback_address_is_none_that_is_used_by_habit() -> None:
    home = Claims().loopback()
    assert ipaddress.ip_address(home.host).is_loopback
    assert not home.host.startswith(("127.0.0.", "127.0.1."))


@pytest.mark.parametrize("format", FORMATS)
def test_a_claim_is_a_preamble_of_its_client(format: str) -> None:
    preamble, rest = decode(said(CLIENT, 443, format), format)
    assert (preamble.source, rest) == (CLIENT, b"")
    assert isinstance(preamble.destination, Endpoint)
    assert preamble.destination.port == 443


@pytest.mark.parametrize("format", CHECKED)
def test_a_wrong_checksum_is_the_only_fault(format: str) -> None:
    with pytest.raises(DecodeError) as wrong:
        decode(bad_checksum(CLIENT, 443, format), format)
    assert wrong.value.reason is Reason.CHECKSUM
    assert decode(said(CLIENT, 443, format, crc32c=True), format)[0].source == CLIENT


@pytest.mark.parametrize("format", FORMATS)
def test_local_names_nobody(format: str) -> None:
    preamble, _ = decode(local(format), format)
    assert preamble.source is None
    expected = Command.PROXY if format == "proxy1" else Command.LOCAL
    assert preamble.command is expected

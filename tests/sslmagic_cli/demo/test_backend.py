"""The backends: a web server that sees the client, and one that reads the header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sslmagic import Endpoint, Preamble, Trust, encode
from sslmagic.errors import Reason
from sslmagic_cli.demo.authority import Authority
from sslmagic_cli.demo.backend import GATEWAY, ClearBackend, SecureBackend
from sslmagic_cli.demo.client import (
    CLIENT,
    SPOOFER,
    attempt,
    client_hello,
    exchange,
    visit,
)

CLAIM = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


@pytest.fixture
def backend(authority: Authority) -> Iterator[SecureBackend]:
    with SecureBackend(Trust(peers=[GATEWAY]), authority.server) as backend:
        yield backend


def test_answers_a_direct_client_with_its_own_address(authority: Authority) -> None:
    with SecureBackend(Trust(others="direct"), authority.server) as backend:
        came = visit(backend.address, authority)
    assert came.is_seen
    assert came.version == "TLSv1.3"


def test_answers_behind_a_preamble(
    backend: SecureBackend, authority: Authority
) -> None:
    octets = encode(CLAIM) + client_hello(authority)
    # The server's flight comes, and the connection stays open for the client's.
    assert attempt(backend.address, octets, source=GATEWAY, patience=0.5) is None
    assert backend.counters.accepted == 1


def test_gives_a_stranger_nothing(backend: SecureBackend, authority: Authority) -> None:
    octets = encode(CLAIM) + client_hello(authority)
    assert attempt(backend.address, octets, source=SPOOFER) == 0
    assert backend.counters.refused[Reason.PEER] == 1


@pytest.mark.parametrize(
    ("peers", "client"), [([CLIENT], "203.0.113.9"), ([GATEWAY], None)]
)
def test_header_is_believed_from_a_trusted_peer_alone(
    peers: list[str], client: str | None
) -> None:
    request = b"GET / HTTP/1.1\r\nX-Cluster-Client-Ip: 203.0.113.9\r\n\r\n"
    with ClearBackend(Trust(peers=peers)) as backend:
        local, bodies = exchange(backend.address, [request, request])
    assert local.host == CLIENT
    assert [json.loads(body)["client"] for body in bodies] == [client] * 2


def test_two_clients_are_none() -> None:
    header = b"X-Cluster-Client-Ip: 203.0.113.9\r\n"
    request = b"GET / HTTP/1.1\r\n" + header * 2 + b"\r\n"
    with ClearBackend(Trust(peers=[CLIENT])) as backend:
        _, bodies = exchange(backend.address, [request])
    assert b"400" in bodies[0]


def test_listens_on_loopback_alone(backend: SecureBackend) -> None:
    assert isinstance(backend.address, Endpoint)
    assert backend.address.host == GATEWAY

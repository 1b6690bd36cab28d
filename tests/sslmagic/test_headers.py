"""X-Cluster-Client-Ip: one literal address, from whoever may say it, for a TCP peer."""

from __future__ import annotations

import pickle

import pytest

from sslmagic import Endpoint, Trust, UnixEndpoint
from sslmagic.headers import (
    Header,
    HeaderError,
    HeaderReason,
    claims_client,
    claims_forwarding,
    received,
    sent,
    without_client,
)

GATEWAY = Endpoint("10.0.0.1", 40000)
STRANGER = Endpoint("192.0.2.66", 40000)
TRUST = Trust(peers=["10.0.0.0/8", "unix"], direct=["192.0.2.0/24"])
HOST: Header = (b"Host", b"shop.example")
CLAIM: Header = (b"X-Cluster-Client-Ip", b"203.0.113.9")

ALIASES = [
    b"X-Cluster-Client-Ip",
    b"x-cluster-client-ip",
    b"X-CLUSTER-CLIENT-IP",
    b"X_Cluster_Client_Ip",
    b"x_cluster-client_IP",
    b"X.Cluster.Client.Ip",
    b"X~Cluster!Client+Ip",
]
"""CGI makes HTTP_X_CLUSTER_CLIENT_IP of every one of them."""


def from_gateway(*headers: Header) -> str | None:
    return received(headers, peer=GATEWAY, trust=TRUST, preamble=False).client


@pytest.mark.parametrize("name", [b"X-Cluster-Client-Ip", b"x-cLuStEr-client-ip"])
def test_a_peer_that_may_speak_names_the_client(name: bytes) -> None:
    headers = (HOST, (name, b"203.0.113.9"))
    said = received(headers, peer=GATEWAY, trust=TRUST, preamble=False)
    assert said.client == "203.0.113.9"
    assert said.headers == headers


@pytest.mark.parametrize(
    ("value", "client"),
    [
        (b" 203.0.113.9\t", "203.0.113.9"),
        (b"2001:DB8:0::1", "2001:db8::1"),
        (b"::ffff:203.0.113.9", "203.0.113.9"),
        (b"10.1.2.3", "10.1.2.3"),
    ],
)
def test_an_address_has_one_text(value: bytes, client: str) -> None:
    assert from_gateway((CLAIM[0], value)) == client


def test_a_peer_that_may_speak_may_be_silent() -> None:
    assert from_gateway(HOST) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"203.0.113.9, 203.0.113.10",
        b"203.0.113.9,",
        b"203.0.113.9 203.0.113.10",
        b"203.0.113.9:443",
        b"[2001:db8::1]",
        b"[2001:db8::1]:443",
        b"fe80::1%eth0",
        b"2001:db8::1%25",
        b"203.0.113.09",
        b"0xCB007109",
        b"3405803777",
        b"203.0.113",
        b"+203.0.113.9",
        b"shop.example",
        b"unknown",
        b"203.0.113.9\0",
        b"\xd9\xa1.2.3.4",
        b"127.0.0.1",
        b"::1",
        b"::ffff:127.0.0.1",
        b"0.0.0.0",
        b"::",
        b"224.0.0.1",
        b"ff02::1",
        b"255.255.255.255",
        b"::203.0.113.9",
    ],
)
def test_anything_but_one_believable_address_is_an_error(value: bytes) -> None:
    with pytest.raises(HeaderError):
        from_gateway((CLAIM[0], value))


def test_two_lines_are_an_error_even_if_equal() -> None:
    with pytest.raises(HeaderError, match="2 headers"):
        from_gateway(CLAIM, HOST, CLAIM)


@pytest.mark.parametrize("alias", ALIASES[3:])
def test_an_alias_from_a_peer_is_an_error(alias: bytes) -> None:
    with pytest.raises(HeaderError, match="is not X-Cluster-Client-Ip"):
        from_gateway((alias, b"203.0.113.9"))
    with pytest.raises(HeaderError, match="2 headers"):
        from_gateway(CLAIM, (alias, b"203.0.113.10"))


def test_the_words_of_an_error_are_escaped() -> None:
    with pytest.raises(HeaderError) as caught:
        from_gateway((CLAIM[0], b"\x1b[31m\r\nevil"))
    assert "\\x1b[31m\\r\\nevil" in str(caught.value)


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize(
    ("peer", "trust"),
    [
        (STRANGER, TRUST),
        (STRANGER, Trust(peers=["10.0.0.0/8"])),
        (STRANGER, Trust(peers=["10.0.0.0/8"], others="direct")),
        (UnixEndpoint(), Trust(peers=["10.0.0.0/8"])),
    ],
)
def test_from_anybody_else_it_is_removed(
    alias: bytes, peer: Endpoint | UnixEndpoint, trust: Trust
) -> None:
    other = (b"X-Forwarded-For", b"6.6.6.6")
    headers = (HOST, (alias, b"203.0.113.9"), other, (alias, b"rubbish"))
    said = received(headers, peer=peer, trust=trust, preamble=False)
    assert said.client is None
    assert said.headers == (HOST, other)


def test_a_unix_peer_may_say_loopback() -> None:
    headers = [(CLAIM[0], b"127.0.0.1")]
    said = received(headers, peer=UnixEndpoint(), trust=TRUST, preamble=False)
    assert said.client == "127.0.0.1"
    bold = Trust(peers=["10.0.0.0/8"], loopback_sources=True)
    assert received(headers, peer=GATEWAY, trust=bold, preamble=False).client


@pytest.mark.parametrize("peer", [GATEWAY, STRANGER])
def test_behind_a_preamble_no_header_names_anybody(peer: Endpoint) -> None:
    headers = [
        HOST,
        *((alias, b"6.6.6.6") for alias in ALIASES),
        (b"X-Forwarded-For", b"6.6.6.6"),
        (b"x_forwarded_for", b"6.6.6.6"),
        (b"X-FORWARDED-PROTO", b"https"),
        (b"X-Forwarded-Anything-New", b"x"),
        (b"Forwarded", b"for=6.6.6.6"),
        (b"X-Forwarded", b"6.6.6.6"),
        (b"Forwarded-For", b"6.6.6.6"),
        (b"X-Real-IP", b"6.6.6.6"),
        (b"X_Real_IP", b"6.6.6.6"),
        (b"X-Client-IP", b"6.6.6.6"),
        (b"Client-IP", b"6.6.6.6"),
        (b"True-Client-IP", b"6.6.6.6"),
        (b"CF-Connecting-IP", b"6.6.6.6"),
        (b"Fastly-Client-IP", b"6.6.6.6"),
        (b"X-Forwarding", b"a name of its own"),
        (b"Forwarded-By", b"a name of its own"),
    ]
    said = received(headers, peer=peer, trust=TRUST, preamble=True)
    assert said.client is None
    assert said.headers == (HOST, headers[-2], headers[-1])


def test_a_gateway_says_exactly_one_address() -> None:
    headers = [HOST, *((alias, b"6.6.6.6") for alias in ALIASES)]
    assert sent(headers, "203.0.113.9") == (HOST, CLAIM)
    assert sent([], "2001:DB8::1") == ((CLAIM[0], b"2001:db8::1"),)
    assert sent([], "::ffff:203.0.113.9") == (CLAIM,)


@pytest.mark.parametrize("client", ["", "shop.example", "1.2.3.4:5", "fe80::1%eth0"])
def test_a_gateway_says_nothing_but_an_address(client: str) -> None:
    with pytest.raises(ValueError, match=r"literal|expected"):
        sent([HOST], client)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"X-Cluster-Client-Ip", None),
        (b"close, X-Cluster-Client-Ip", b"close"),
        (b"x-cluster-client-ip , close,X_Cluster_Client_Ip", b"close"),
        (b"keep-alive,upgrade", b"keep-alive,upgrade"),
    ],
)
def test_a_client_cannot_have_the_header_dropped_further_on(
    value: bytes, kept: bytes | None
) -> None:
    """CVE-2022-31813: what `Connection` names is dropped by the next proxy."""
    said = sent([HOST, (b"Connection", value)], "203.0.113.9")
    connection = () if kept is None else ((b"Connection", kept),)
    assert said == (HOST, *connection, CLAIM)


def test_what_a_gateway_says_is_received() -> None:
    said = sent([HOST, (b"X_Cluster_Client_Ip", b"6.6.6.6")], "203.0.113.9")
    assert from_gateway(*said) == "203.0.113.9"


def test_names_beside_it_are_left_alone() -> None:
    headers = tuple(
        (name, b"x")
        for name in [b"X-Cluster-Client-Ips", b"Cluster-Client-Ip", b"X-Client", b""]
    )
    assert without_client(headers) == headers
    assert not any(claims_client(name) for name, _ in headers)
    assert not any(claims_forwarding(name) for name, _ in headers)


def test_from_a_peer_that_nobody_knows_it_is_removed() -> None:
    said = received([HOST, CLAIM], peer=None, trust=TRUST, preamble=False)
    assert said.client is None
    assert said.headers == (HOST,)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([CLAIM, CLAIM], HeaderReason.SEVERAL),
        ([(CLAIM[0], b"203.0.113.9, 203.0.113.9")], HeaderReason.SEVERAL),
        ([(ALIASES[3], b"203.0.113.9")], HeaderReason.ALIAS),
        ([(CLAIM[0], b"203.0.113.9:443")], HeaderReason.ADDRESS),
        ([(CLAIM[0], b"")], HeaderReason.ADDRESS),
        ([(CLAIM[0], b"127.0.0.1")], HeaderReason.SOURCE),
        ([(CLAIM[0], b"0.0.0.0")], HeaderReason.SOURCE),
    ],
)
def test_an_error_has_a_reason(headers: list[Header], reason: HeaderReason) -> None:
    with pytest.raises(HeaderError) as caught:
        from_gateway(*headers)
    assert caught.value.reason is reason
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reason, str(again)) == (reason, str(caught.value))


def test_an_error_shows_no_more_than_one_reads() -> None:
    with pytest.raises(HeaderError) as caught:
        from_gateway((CLAIM[0], b"7" * 60_000))
    assert len(str(caught.value)) < 200

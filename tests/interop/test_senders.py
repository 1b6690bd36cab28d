"""What real peers send, through the decoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sslmagic import Decoder, Endpoint, Preamble
from sslmagic.preamble import Command
from tests.interop.authority import CUSTOMER, HELLOS, NAME, Authority
from tests.interop.capture import Capture
from tests.interop.client import REQUEST, Client, Pieces, octets, together
from tests.interop.peers import (
    LOOPBACK,
    SOURCES,
    Address,
    Port,
    Process,
    needs,
    program,
)
from tests.interop.senders import CHECKS, SENDERS, Sender, said


@pytest.fixture(scope="module", params=SENDERS, ids=lambda sender: sender.name)
def sender(request: pytest.FixtureRequest) -> Sender:
    assert isinstance(request.param, Sender)
    return request.param


@pytest.fixture(scope="module")
def capture(family: str) -> Iterator[Capture]:
    capture = Capture(LOOPBACK[family])
    yield capture
    capture.close()


@pytest.fixture
def alone(family: str) -> Iterator[Capture]:
    """A capture for one test: a health check comes again and again."""
    capture = Capture(LOOPBACK[family])
    yield capture
    capture.close()


@pytest.fixture(scope="module")
def address(
    sender: Sender,
    capture: Capture,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    directory = tmp_path_factory.mktemp(sender.name)
    with sender.to(capture.address, directory=directory, authority=authority) as place:
        yield place


def decoded(stream: bytes, formats: str) -> tuple[Preamble, bytes]:
    """The preamble and what followed, the same in one piece and octet by octet."""
    whole, single = Decoder(formats), Decoder(formats)
    preamble = whole.feed(stream)
    assert preamble is not None
    consumed = len(stream) - len(whole.rest)
    again = None
    for i in range(consumed):
        assert single.feed(b"") is None
        again = single.feed(stream[i : i + 1])
        assert (again is None) == (i + 1 < consumed)
    assert again == preamble
    assert single.rest == b""
    return preamble, whole.rest


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_preamble_names_the_client_and_its_octets_follow(
    sender: Sender,
    address: Address,
    capture: Capture,
    authority: Authority,
    family: str,
    hello: str,
    pieces: Pieces,
) -> None:
    context = authority.client(hello=hello)
    with Client(address, context, source=SOURCES[family]) as client:
        client.begin(pieces=pieces)
        if sender.own_tls:
            client.shake()
            client.send(REQUEST)
        follows = client.hello
        if sender.own_tls:
            follows = b"\x16\x03\x01" if sender.client_tls else REQUEST
        stream = capture.octets(lambda octets: follows in octets)
    preamble, rest = decoded(stream, sender.format)
    assert preamble.source == Endpoint(*client.local)
    assert preamble.destination == Endpoint(*client.remote)
    assert rest.startswith(follows)
    assert {tlv.name for tlv in preamble.tlvs} == sender.tlvs
    if "AUTHORITY" in sender.tlvs:
        assert value(preamble, "AUTHORITY") == NAME
    if "UNIQUE_ID" in sender.tlvs:
        # It begins with the client's address and port in HAProxy's own hexadecimal.
        assert f":{client.local[1]:04X}_" in str(value(preamble, "UNIQUE_ID"))
    if "SSL" in sender.tlvs:
        about = value(preamble, "SSL")
        assert isinstance(about, dict)
        told = {tlv["name"]: tlv["value"] for tlv in about["tlvs"]}
        assert told["SSL_VERSION"] == "TLSv1.3"
        if sender.asks_certificate:
            assert "CERT_CONN" in about["client"]
            assert about["verify"] == 0
            assert told["SSL_CN"] == CUSTOMER


def value(preamble: Preamble, name: str) -> object:
    (tlv,) = (tlv for tlv in preamble.tlvs if tlv.name == name)
    return tlv.said


def test_health_check_of_v2_names_no_client(
    alone: Capture, authority: Authority, tmp_path: Path, family: str
) -> None:
    needs("haproxy")
    port = Port(LOOPBACK[family])
    with CHECKS["proxy2"](tmp_path, authority, port, alone.address):
        stream = alone.octets(lambda octets: False)
    preamble, rest = decoded(stream, "proxy2")
    assert preamble.command is Command.LOCAL
    assert preamble.source is None
    assert preamble.destination is None
    assert rest == b""


def test_health_check_of_v1_names_the_sender_itself(
    alone: Capture, authority: Authority, tmp_path: Path, family: str
) -> None:
    # PROXY v1 has no LOCAL, and HAProxy says its own connection's ends.
    needs("haproxy")
    port = Port(LOOPBACK[family])
    with CHECKS["proxy1"](tmp_path, authority, port, alone.address):
        stream = alone.octets(lambda octets: False)
    preamble, rest = decoded(stream, "proxy1")
    assert isinstance(preamble.source, Endpoint)
    assert preamble.source.host == LOOPBACK[family]
    assert preamble.destination == Endpoint(*alone.address)
    assert rest == b""


def test_curl_speaks_for_itself(
    alone: Capture, authority: Authority, family: str, tmp_path: Path
) -> None:
    needs("curl")
    host = SOURCES[family]
    with Process(
        [
            program("curl") or "",
            *("--haproxy-protocol", "--interface", host, "--cacert", authority.root),
            f"https://{said(alone.address)}/",
        ],
        log=tmp_path / "curl.log",
    ):
        stream = alone.octets(lambda octets: b"\x16\x03\x01" in octets)
    preamble, rest = decoded(stream, "proxy1")
    assert isinstance(preamble.source, Endpoint)
    assert preamble.source.host == host
    assert preamble.destination == Endpoint(*alone.address)
    assert rest.startswith(b"\x16\x03\x01")

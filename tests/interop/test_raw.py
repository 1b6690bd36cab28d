"""A sender without manners before our receivers: every cut, and octet by octet."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from sslmagic import TLV, Preamble, encode
from tests.interop.authority import HELLOS, Authority
from tests.interop.backends import BACKENDS, Backend, serve
from tests.interop.client import RefusedError, ask, octets, split, together
from tests.interop.gateway import node
from tests.interop.peers import Address

FORMATS = ("magic", "proxy1", "proxy2")

CLAIMS = {
    "ipv4": Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443)),
    "ipv6": Preamble(source=("2001:db8::9", 51234), destination=("2001:db8::2", 443)),
}


@pytest.fixture(
    scope="module",
    params=[*BACKENDS, *FORMATS],
    ids=lambda param: param if isinstance(param, str) else param.name,
)
def address(
    request: pytest.FixtureRequest,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    """One of the library's servers, or `magic node` re-speaking a format before one."""
    receiver, host, tls = request.param, "127.0.0.1", authority.server()
    if isinstance(receiver, Backend):
        with serve(receiver, host, formats=FORMATS, tls=tls) as place:
            yield place
        return
    directory = tmp_path_factory.mktemp("node")
    accepted = (word for format in FORMATS for word in ("--accept", format))
    with (
        serve(BACKENDS[0], host, formats=receiver, tls=tls) as behind,
        node(
            host,
            behind,
            *("--trust", host, "--as", receiver, *accepted),
            directory=directory,
        ) as place,
    ):
        yield place


@pytest.fixture(params=FORMATS)
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_cut_of_the_preamble(
    address: Address, authority: Authority, format: str, claim: str
) -> None:
    before = encode(CLAIMS[claim], format)
    context = authority.client()
    for cut in range(1, len(before) + 1):
        answer = ask(address, context, before=before, pieces=split(cut))
        assert answer.client == CLAIMS[claim].source


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("hello", HELLOS)
def test_preamble_and_hello_in_one_segment_and_octet_by_octet(
    address: Address,
    authority: Authority,
    format: str,
    claim: str,
    hello: str,
    version: ssl.TLSVersion,
) -> None:
    before = encode(CLAIMS[claim], format)
    context = authority.client(hello=hello, version=version)
    for pieces in (together, octets):
        answer = ask(address, context, before=before, pieces=pieces)
        assert answer.client == CLAIMS[claim].source


@pytest.mark.parametrize("format", ["magic", "proxy2"])
def test_preamble_of_several_segments(
    request: pytest.FixtureRequest, address: Address, authority: Authority, format: str
) -> None:
    """TLVs up to the receivers' limit: more than one Ethernet segment holds."""
    claim = CLAIMS["ipv4"]
    preamble = Preamble(
        source=claim.source,
        destination=claim.destination,
        tlvs=[TLV(0xE7, bytes(500))] * 4,
    )
    before = encode(preamble, format, limit=2048)
    for pieces in (together, octets, split(1400)):
        if request.node.callspec.params["address"] == "magic":
            # A sender of MAGIC says 536 octets and no more, and says nothing by halves.
            with pytest.raises(RefusedError):
                ask(address, authority.client(), before=before, pieces=pieces)
            continue
        answer = ask(address, authority.client(), before=before, pieces=pieces)
        assert answer.client == claim.source

"""Every server behind real senders: the client's own address, TLS of the server's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.authority import HELLOS, Authority
from tests.interop.client import REQUEST, Pieces, ask, octets, together
from tests.interop.gateway import gateway
from tests.interop.peers import SOURCES, Address
from tests.interop.senders import SENDERS
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.interop.serving.variants import VARIANTS

(HAPROXY,) = (sender for sender in SENDERS if sender.name == "haproxy-v2-crc")


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    assert isinstance(request.param, Variant)
    return request.param


@pytest.fixture(scope="module", params=["haproxy", "gateway"])
def sender(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def address(
    variant: Variant,
    sender: str,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    """Where the sender listens that stands in front of the server."""
    directory = tmp_path_factory.mktemp(f"{variant.name}-{sender}")
    place = Place(formats=("magic" if sender == "gateway" else "proxy2",))
    tls = authority if variant.tls else None
    with serving(variant, place, directory=directory, authority=tls) as server:
        assert isinstance(server.address, tuple)
        with _in_front(
            sender, server.address, authority, directory, tls=variant.tls
        ) as place_in_front:
            yield place_in_front


def _in_front(
    sender: str, node: Address, authority: Authority, directory: Path, *, tls: bool
) -> contextlib.AbstractContextManager[Address]:
    if sender == "haproxy":
        return HAPROXY.to(node, directory=directory, authority=authority)
    protocol = "ssl" if tls else "client_first"
    options = ("--protocol", protocol)
    return gateway(node[0], node, enhance="magic", directory=directory, options=options)


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_server_sees_the_client(
    variant: Variant,
    address: Address,
    authority: Authority,
    hello: str,
    pieces: Pieces,
) -> None:
    context = authority.client(hello=hello) if variant.tls else None
    request = REQUEST if variant.request is None else variant.request
    answer = ask(
        address, context, source=SOURCES["ipv4"], pieces=pieces, request=request
    )
    assert answer.client == answer.local
    assert answer.body["destination"] == list(answer.remote)

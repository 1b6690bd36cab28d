"""Who claims to be somebody else is refused without an octet, wherever he stands."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Protocol

import pytest

from sslmagic import Preamble, decode, encode
from tests.interop.authority import Authority
from tests.interop.backends import BACKENDS, Backend, serve
from tests.interop.capture import Capture
from tests.interop.client import Client, Pieces, RefusedError, ask, octets, together
from tests.interop.gateway import gateway, node
from tests.interop.peers import Address

FORMATS = ("magic", "proxy1", "proxy2")
STRANGER = "127.0.0.66"
"""A loopback address that no test trusts."""

CLAIM = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))


class Gateways(Protocol):
    def __call__(self, enhance: str, protocol: str) -> Address: ...


@pytest.fixture(scope="module")
def capture() -> Iterator[Capture]:
    capture = Capture("127.0.0.1")
    yield capture
    capture.close()


@pytest.fixture(scope="module")
def gateways(
    capture: Capture, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateways]:
    """One gateway for each way of running it, all in front of the capture."""
    directory = tmp_path_factory.mktemp("gateways")
    with contextlib.ExitStack() as stack:

        @functools.cache
        def start(enhance: str, protocol: str) -> Address:
            return stack.enter_context(
                gateway(
                    "127.0.0.1",
                    capture.address,
                    enhance=enhance,
                    directory=directory,
                    options=("--protocol", protocol),
                )
            )

        yield start


@pytest.fixture(
    scope="module",
    params=[*BACKENDS, "node"],
    ids=lambda param: param if isinstance(param, str) else param.name,
)
def receiver(
    request: pytest.FixtureRequest,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    """The library's servers and `magic node`; each believes 127.0.0.1 alone."""
    host, tls = "127.0.0.1", authority.server()
    if isinstance(request.param, Backend):
        with serve(request.param, host, formats=FORMATS, tls=tls) as place:
            yield place
        return
    accepted = (word for format in FORMATS for word in ("--accept", format))
    with (
        serve(BACKENDS[0], host, formats="magic", tls=tls) as behind,
        node(
            host,
            behind,
            *("--trust", host, "--as", "magic", *accepted),
            directory=tmp_path_factory.mktemp("node"),
        ) as place,
    ):
        yield place


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_receiver_refuses_a_stranger_without_an_octet(
    receiver: Address, authority: Authority, format: str, pieces: Pieces
) -> None:
    with pytest.raises(RefusedError) as refused:
        ask(
            receiver,
            authority.client(),
            source=STRANGER,
            before=encode(CLAIM, format),
            pieces=pieces,
        )
    assert refused.value.received == b""


def test_receiver_refuses_a_peer_that_begins_tls_at_once(
    receiver: Address, authority: Authority
) -> None:
    with pytest.raises(RefusedError) as refused:
        ask(receiver, authority.client())
    assert refused.value.received == b""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_receiver_believes_one_preamble_and_no_second(
    receiver: Address, authority: Authority, format: str, second: str
) -> None:
    """TLS begins after the first, and a second is no ClientHello."""
    before = encode(CLAIM, format) + encode(CLAIM, second)
    with pytest.raises(RefusedError):
        ask(receiver, authority.client(), before=before)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("pieces", [together, octets])
@pytest.mark.parametrize("protocol", ["ssl", "client_first"])
@pytest.mark.parametrize("enhance", ["none", "proxy2"])
def test_gateway_refuses_a_client_that_brings_a_preamble(
    format: str,
    pieces: Pieces,
    protocol: str,
    enhance: str,
    authority: Authority,
    capture: Capture,
    gateways: Gateways,
) -> None:
    """The node hears nothing of it, above all where the gateway itself adds nothing."""
    address = gateways(enhance, protocol)
    with pytest.raises(RefusedError) as refused:
        ask(
            address,
            authority.client(),
            before=encode(CLAIM, format),
            pieces=pieces,
        )
    assert refused.value.received == b""
    # The first to reach the node is the next, honest client.
    with Client(address, authority.client()) as client:
        client.begin()
        stream = capture.octets(lambda octets: client.hello in octets)
        if enhance == "none":
            assert stream == client.hello
        else:
            preamble, rest = decode(stream, enhance)
            assert preamble.source == client.local
            assert rest == client.hello

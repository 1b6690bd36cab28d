"""`magic gateway` in front of real receivers and of the library, TLS end to end."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.authority import HELLOS, Authority
from tests.interop.backends import BACKENDS, Backend, serve
from tests.interop.client import Client, Pieces, ask, octets, together
from tests.interop.gateway import gateway, node
from tests.interop.peers import (
    LOOPBACK,
    SOURCES,
    Address,
    Port,
    Process,
    needs,
    program,
)
from tests.interop.receivers import RECEIVERS, Receiver
from tests.interop.senders import said

FORMATS = ("magic", "proxy1", "proxy2")
KNOWN = FORMATS[1:]
"""What peers know."""


@contextlib.contextmanager
def receiving(
    receiver: Receiver | Backend,
    enhance: str,
    host: str,
    *,
    authority: Authority,
    directory: Path,
) -> Iterator[Address]:
    """Runs what stands behind the gateway."""
    with contextlib.ExitStack() as stack:
        if isinstance(receiver, Backend):
            tls = authority.server()
            yield stack.enter_context(serve(receiver, host, formats=enhance, tls=tls))
            return
        behind = None
        if passed := receiver.passes_on:
            formats = enhance if passed == "same" else passed
            behind = stack.enter_context(
                serve(BACKENDS[0], host, formats=formats, tls=None)
            )
        yield stack.enter_context(
            receiver.on(host, directory=directory, authority=authority, node=behind)
        )


PATHS = [
    *((receiver, format) for receiver in RECEIVERS for format in KNOWN),
    *((backend, format) for backend in BACKENDS for format in FORMATS),
]


@pytest.fixture(
    scope="module", params=PATHS, ids=lambda path: f"{path[0].name}-{path[1]}"
)
def address(
    request: pytest.FixtureRequest,
    family: str,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    receiver, enhance = request.param
    directory = tmp_path_factory.mktemp(f"{receiver.name}-{enhance}")
    host = LOOPBACK[family]
    with (
        receiving(
            receiver, enhance, host, authority=authority, directory=directory
        ) as behind,
        gateway(host, behind, enhance=enhance, directory=directory) as place,
    ):
        yield place


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_receiver_sees_the_client_and_the_client_verifies_it(
    address: Address,
    authority: Authority,
    family: str,
    hello: str,
    pieces: Pieces,
    version: ssl.TLSVersion,
) -> None:
    context = authority.client(hello=hello, version=version)
    answer = ask(address, context, source=SOURCES[family], pieces=pieces)
    assert answer.client == answer.local
    assert answer.version == version.name.replace("_", ".")


@pytest.mark.parametrize(
    ("family", "accepted", "spoken"),
    [
        ("ipv4", "magic", "proxy1"),
        ("ipv6", "magic", "proxy2"),
        ("ipv6", "proxy2", "proxy1"),
    ],
)
@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver.name)
def test_node_speaks_again_what_the_receiver_knows(
    receiver: Receiver,
    accepted: str,
    spoken: str,
    family: str,
    authority: Authority,
    tmp_path: Path,
) -> None:
    host = LOOPBACK[family]
    trusted = ("--trust", host, "--accept", accepted, "--as", spoken)
    with (
        receiving(
            receiver, spoken, host, authority=authority, directory=tmp_path
        ) as behind,
        node(host, behind, *trusted, directory=tmp_path) as between,
        gateway(host, between, enhance=accepted, directory=tmp_path) as address,
    ):
        for hello in HELLOS:
            answer = ask(address, authority.client(hello=hello), source=SOURCES[family])
            assert answer.client == answer.local


@pytest.mark.parametrize("enhance", FORMATS)
def test_node_strips_for_a_server_that_knows_no_preamble(
    enhance: str, authority: Authority, tmp_path: Path
) -> None:
    host, tls = "127.0.0.1", authority.server()
    trusted = ("--trust", host, "--accept", enhance, "--as", "plain")
    with (
        serve(BACKENDS[0], host, formats=(), tls=tls) as behind,
        node(host, behind, *trusted, directory=tmp_path) as between,
        gateway(host, between, enhance=enhance, directory=tmp_path) as address,
    ):
        for hello in HELLOS:
            answer = ask(address, authority.client(hello=hello), source=SOURCES["ipv4"])
            # The node: a stream without a preamble tells nothing of who is behind it.
            assert answer.client[0] == host


def test_openssl_serves_behind_a_node_that_strips(
    authority: Authority, tmp_path: Path
) -> None:
    needs("openssl")
    host, port = "127.0.0.1", Port("127.0.0.1")
    server: list[str | Path] = [
        *(program("openssl") or "", "s_server", "-accept", str(port), "-www"),
        *("-cert", authority.certificate, "-key", authority.key),
    ]
    with (
        Process(server, log=tmp_path / "s_server.log", ports=[port]),
        node(host, port.address, "--trust", host, directory=tmp_path) as between,
        gateway(host, between, enhance="magic", directory=tmp_path) as address,
        Client(address, authority.client(), source=SOURCES["ipv4"]) as client,
    ):
        client.begin()
        client.shake()


@pytest.mark.parametrize("enhance", FORMATS)
def test_curl_and_openssl_come_through(
    enhance: str, family: str, authority: Authority, tmp_path: Path
) -> None:
    needs("curl", "openssl")
    host = LOOPBACK[family]
    tls = authority.server()
    with (
        serve(BACKENDS[0], host, formats=enhance, tls=tls) as behind,
        gateway(host, behind, enhance=enhance, directory=tmp_path) as address,
        Process(
            [
                *(program("curl") or "", "--silent", "--show-error"),
                *("--interface", SOURCES[family], "--cacert", authority.root),
                f"https://{said(address)}/",
            ],
            log=tmp_path / "curl.log",
        ) as curl,
        Process(
            [
                *(program("openssl") or "", "s_client", "-connect", said(address)),
                *("-CAfile", authority.root, "-verify_return_error", "-brief"),
            ],
            log=tmp_path / "openssl.log",
        ) as openssl,
    ):
        curl.until_said(r'"client": \["' + SOURCES[family] + r'", \d+\]')
        openssl.until_said("Verification: OK")

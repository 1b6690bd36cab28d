"""The library's servers behind real peers: the client's own address, TLS end to end."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sslmagic import Trust, sockets
from tests.interop.authority import HELLOS, Authority
from tests.interop.backends import BACKENDS, Backend, respond, serve
from tests.interop.client import PATIENCE, Pieces, ask, octets, together
from tests.interop.peers import (
    LOOPBACK,
    SOURCES,
    Address,
    Port,
    Process,
    needs,
    program,
)
from tests.interop.senders import (
    CHECKS,
    SENDERS,
    TO_UNIX,
    Sender,
    health,
    said,
    statistics,
)


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    assert isinstance(request.param, Backend)
    return request.param


@pytest.fixture(scope="module", params=SENDERS, ids=lambda sender: sender.name)
def sender(request: pytest.FixtureRequest) -> Sender:
    assert isinstance(request.param, Sender)
    return request.param


@pytest.fixture(scope="module")
def address(
    sender: Sender,
    backend: Backend,
    family: str,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    """Where the peer listens that stands in front of the library's server."""
    directory = tmp_path_factory.mktemp(f"{sender.name}-{backend.name}")
    host = LOOPBACK[family]
    tls = authority.server() if sender.client_tls else None
    with (
        serve(backend, host, formats=sender.format, tls=tls) as node,
        sender.to(node, directory=directory, authority=authority) as place,
    ):
        yield place


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_server_sees_the_client_and_the_client_verifies_the_server(
    sender: Sender,
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
    assert answer.body["destination"] == list(answer.remote)
    assert sender.tlvs <= set(answer.body["tlvs"])
    assert answer.version == version.name.replace("_", ".")


def test_curl_gets_its_own_address(
    backend: Backend, authority: Authority, family: str, tmp_path: Path
) -> None:
    """It is the trusted peer here, and speaks for itself."""
    needs("curl")
    host = LOOPBACK[family]
    with (
        serve(backend, host, formats="proxy1", tls=authority.server()) as address,
        Process(
            [
                *(program("curl") or "", "--silent", "--show-error"),
                *("--haproxy-protocol", "--cacert", authority.root),
                f"https://{said(address)}/",
            ],
            log=tmp_path / "curl.log",
        ) as curl,
    ):
        curl.until_said(r'"client": \["' + host + r'", \d+\]')


def test_openssl_speaks_for_nobody_and_is_refused(
    backend: Backend, authority: Authority, family: str, tmp_path: Path
) -> None:
    """A peer that must send a preamble and begins TLS at once gets not one octet."""
    needs("openssl")
    with (
        serve(
            backend, LOOPBACK[family], formats="proxy2", tls=authority.server()
        ) as address,
        Process(
            [
                *(program("openssl") or "", "s_client", "-connect", said(address)),
                *("-CAfile", authority.root, "-servername", "shop.example"),
            ],
            log=tmp_path / "openssl.log",
        ) as client,
    ):
        client.until_said("read 0 bytes and written")


def test_health_check_over_tls_is_content(
    backend: Backend, authority: Authority, family: str, tmp_path: Path
) -> None:
    """LOCAL names nobody, and TLS follows it like any other preamble."""
    needs("haproxy")
    host = LOOPBACK[family]
    port = Port(host)
    with (
        serve(backend, host, formats="proxy2", tls=authority.server()) as node,
        CHECKS["proxy2-tls"](tmp_path, authority, port, node) as haproxy,
    ):
        questions = statistics(tmp_path, port)
        haproxy.until(lambda: health(questions) == "L6OK", "was content with the node")
        answer = ask(port.address, authority.client(), source=SOURCES[family])
        assert answer.client == answer.local


def test_peer_on_a_unix_socket_names_the_client(
    authority: Authority, family: str, tmp_path: Path
) -> None:
    needs("haproxy")
    path, port = tmp_path / "backend.sock", Port(LOOPBACK[family])
    trust = Trust(peers=["unix"], formats=["proxy2"])
    with (
        sockets.listen(str(path), trust=trust, ssl=authority.server()) as listener,
        TO_UNIX(tmp_path, authority, port, path),
        ThreadPoolExecutor() as pool,
    ):
        listener.settimeout(PATIENCE)
        context = authority.client()
        asking = pool.submit(ask, port.address, context, source=SOURCES[family])
        connection, client = listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            assert connection.recv(65536).startswith(b"GET / ")
            connection.sendall(respond(client))
        answer = asking.result(PATIENCE)
        assert answer.client == answer.local

"""The gateway: a preamble in front of a client's first octets, and of nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sslmagic import wire
from sslmagic.decoder import decode
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.relay.address import Address
from tests.sslmagic.relay.harness import (
    HELLO,
    Backend,
    Running,
    gateway,
    is_closed,
    receive,
    rest,
)

SPOOFS = {
    "magic": wire.encode(
        Preamble(source=("198.51.100.66", 666), destination=("192.0.2.1", 443)), "magic"
    ),
    "proxy1": b"PROXY TCP4 198.51.100.66 192.0.2.1 666 443\r\n",
    "proxy2": wire.encode(
        Preamble(source=("198.51.100.66", 666), destination=("192.0.2.1", 443)),
        "proxy2",
    ),
}


@pytest.mark.parametrize("enhance", wire.FORMATS)
def test_the_node_learns_the_client_and_where_it_connected(enhance: str) -> None:
    with Backend() as backend:
        build = gateway(backend.address, protocol="ssl", enhance=enhance)
        with Running(build) as relay, relay.client(HELLO) as client:
            with backend.accept() as node:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(node), enhance)
                assert preamble.source == Endpoint(*client.getsockname())
                assert preamble.destination == Endpoint(*relay.name)
                assert octets == HELLO


def test_preamble_and_first_octets_are_one_write() -> None:
    with Backend() as backend:
        build = gateway(backend.address, protocol="ssl", enhance="magic")
        with Running(build) as relay, relay.client(HELLO), backend.accept() as node:
            assert len(node.recv(4096)) == 24 + len(HELLO)


def test_every_address_means_both_families_and_mapped_peers_are_ipv4() -> None:
    with Backend() as backend:
        build = gateway(backend.address, enhance="proxy2")
        with Running(build, listen=Endpoint("", 0)) as relay:
            port = relay.name[1]
            for host in ("127.0.0.1", "::1"):
                with socket.create_connection((host, port), 5) as client:
                    client.sendall(b"x")
                    client.shutdown(socket.SHUT_WR)
                    with backend.accept() as node:
                        preamble, _ = decode(rest(node), "proxy2")
                        assert preamble.source == Endpoint(*client.getsockname()[:2])
                        assert preamble.destination == Endpoint(host, port)


def test_an_ipv6_client_and_an_ipv6_node() -> None:
    with Backend(socket.AF_INET6) as backend:
        build = gateway(backend.address, enhance="magic")
        with Running(build, listen=Endpoint("::1", 0)) as relay:
            with relay.client(b"x") as client, backend.accept() as node:
                client.shutdown(socket.SHUT_WR)
                preamble, _ = decode(rest(node), "magic")
                assert preamble.source == Endpoint(*client.getsockname()[:2])


def test_a_unix_client_has_no_address(tmp_path: Path) -> None:
    path = str(tmp_path / "listen")
    with Backend() as backend:
        build = gateway(backend.address, enhance="proxy2")
        with Running(build, listen=UnixEndpoint(path)) as relay:
            with relay.client(b"x") as client, backend.accept() as node:
                client.shutdown(socket.SHUT_WR)
                preamble, octets = decode(rest(node), "proxy2")
                assert preamble.source == UnixEndpoint("")
                assert preamble.destination == UnixEndpoint(path)
                assert octets == b"x"


def test_proxy1_calls_a_unix_client_unknown(tmp_path: Path) -> None:
    path = str(tmp_path / "listen")
    with Backend() as backend:
        build = gateway(backend.address, enhance="proxy1")
        with Running(build, listen=UnixEndpoint(path)) as relay:
            with relay.client(b"x") as client, backend.accept() as node:
                client.shutdown(socket.SHUT_WR)
                assert rest(node) == b"PROXY UNKNOWN\r\nx"


def test_a_node_on_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "node")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listening.settimeout(5)
        node_address = Address.of(UnixEndpoint(path))
        with Running(gateway(node_address, enhance="magic")) as relay:
            with relay.client(b"question") as client:
                node, _ = listening.accept()
                with node:
                    preamble, octets = decode(receive(node, 32), "magic")
                    assert preamble.source == Endpoint(*client.getsockname())
                    assert octets == b"question"
                    node.sendall(b"answer")
                    assert receive(client, 6) == b"answer"


@pytest.mark.parametrize("enhance", ["magic", "none"])
@pytest.mark.parametrize("protocol", ["ssl", "client_first"])
@pytest.mark.parametrize("spoof", SPOOFS.values(), ids=SPOOFS)
@pytest.mark.parametrize("piecewise", [False, True], ids=["whole", "by octet"])
def test_a_client_cannot_bring_a_preamble_of_its_own(
    protocol: str, spoof: bytes, enhance: str, piecewise: bool
) -> None:
    with Backend() as backend:
        build = gateway(backend.address, protocol=protocol, enhance=enhance)
        with Running(build) as relay, relay.client() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for index in range(len(spoof)):
                    if piecewise:
                        client.sendall(spoof[index : index + 1])
                if not piecewise:
                    client.sendall(spoof)
            except ConnectionError:
                pass
            assert is_closed(client)
            reason = "hello" if protocol == "ssl" else "nested"
            relay.until(**{f"refused_{reason}": 1})
            assert "joined" not in relay.counts()
            assert reason in relay.said()


def test_first_octets_one_at_a_time() -> None:
    with Backend() as backend:
        build = gateway(backend.address, protocol="ssl", enhance="magic")
        with Running(build) as relay, relay.client() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for index in range(len(HELLO)):
                client.sendall(HELLO[index : index + 1])
                relay.when(lambda: True)
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as node:
                _, octets = decode(rest(node), "magic")
                assert octets == HELLO


def test_what_only_begins_like_a_preamble_is_passed_on() -> None:
    with Backend() as backend:
        with Running(gateway(backend.address)) as relay, relay.client(b"PRO") as client:
            relay.until(accepted=1)
            assert "joined" not in relay.counts()
            client.sendall(b"VE")
            with backend.accept() as node:
                assert receive(node, 5) == b"PROVE"


def test_what_ends_like_a_preamble_begins_is_passed_on() -> None:
    with Backend() as backend:
        with (
            Running(gateway(backend.address)) as relay,
            relay.client(b"\r\n") as client,
        ):
            client.shutdown(socket.SHUT_WR)
            with backend.accept() as node:
                assert rest(node) == b"\r\n"


@pytest.mark.parametrize(
    ("octets", "protocol"),
    [(b"GET / HTTP/1.1\r\n", "ssl"), (b"\x16\x03\x01\x00\x10\x02", "ssl")],
    ids=["http", "no hello"],
)
def test_what_is_no_hello_is_closed_without_an_octet(
    octets: bytes, protocol: str
) -> None:
    with Backend() as backend:
        with Running(gateway(backend.address, protocol=protocol)) as relay:
            with relay.client(octets) as client:
                assert is_closed(client)
                relay.until(refused_hello=1)


def test_a_hello_that_ends_too_soon_is_refused() -> None:
    with Backend() as backend:
        with Running(gateway(backend.address, protocol="ssl")) as relay:
            with relay.client(HELLO[:5]) as client:
                client.shutdown(socket.SHUT_WR)
                assert is_closed(client)
                relay.until(refused_hello=1)


def test_a_client_whose_preamble_cannot_be_built_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without one the node would take the gateway for the client."""
    with Backend() as backend:
        with Running(gateway(backend.address, enhance="magic")) as relay:
            original = type(relay.server).accepted
            monkeypatch.setattr(
                type(relay.server),
                "accepted",
                lambda self, client, _name, local: original(
                    self, client, ("0.0.0.0", 1), local
                ),
            )
            with relay.client(b"x") as client:
                assert is_closed(client)
                relay.until(refused_address=1)
                assert "joined" not in relay.counts()


def test_every_client_has_a_preamble_of_its_own() -> None:
    with Backend() as backend:
        with Running(gateway(backend.address, enhance="proxy1")) as relay:
            for _ in range(3):
                with relay.client(b"x") as client, backend.accept() as node:
                    client.shutdown(socket.SHUT_WR)
                    port = client.getsockname()[1]
                    assert f" {port} ".encode() in rest(node)

"""The port, on a reactor that each test drives itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.python.failure import Failure

from sslmagic import Preamble, encode
from sslmagic.errors import ConfigurationError
from sslmagic.servers.entrance import Entrance
from sslmagic.servers.twisted.port import Port
from tests.interop.authority import Authority
from tests.interop.client import Client
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    ended,
    open_descriptors,
    settled_descriptors,
)

ENTRANCE = Entrance(LOOPBACK)


class Meeting(Factory):
    """Notes whom its protocols meet."""

    noisy = False

    def __init__(self) -> None:
        self.built: list[Any] = []
        self.met: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  # Twisted's name
        self.built.append(addr)
        factory = self

        class Met(Protocol):
            def connectionMade(self) -> None:  # noqa: N802  # Twisted's name
                factory.met.append(self.transport)

            def dataReceived(self, data: bytes) -> None:  # noqa: N802  # Twisted's
                transport: Any = self.transport
                transport.write(data.upper())

        return Met()


@pytest.fixture
def reactor() -> Iterator[Any]:
    reactor: Any = EPollReactor()
    yield reactor
    reactor.removeAll()
    for reader in list(reactor._internalReaders):
        reactor._internalReaders.discard(reader)
        reader.connectionLost(None)
    reactor._poller.close()


def until(reactor: Any, condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        reactor.iterate(0.05)


def closed(reactor: Any, port: Port) -> None:
    done: list[Any] = []
    port.stopListening().addCallback(done.append)
    until(reactor, lambda: done)


def test_a_transport_is_the_clients(reactor: Any) -> None:
    factory = Meeting()
    port = Port(reactor.listenTCP(0, factory, interface="127.0.0.1"), ENTRANCE)
    address = ("127.0.0.1", port.getHost().port)
    named = Preamble(source=("2001:db8::9", 9), destination=("2001:db8::1", 443))
    with socket.create_connection(address, PATIENCE) as one:
        one.sendall(OCTETS + b"octets")
        with socket.create_connection(address, PATIENCE) as other:
            other.sendall(encode(named, "magic"))
            until(reactor, lambda: len(factory.met) == 2)
    assert (
        {transport.getPeer() for transport in factory.met}
        == set(factory.built)
        == {
            IPv4Address("TCP", *CLIENT),
            IPv6Address("TCP", "2001:db8::9", 9),
        }
    )
    for transport in factory.met:
        assert transport.getHost() == IPv4Address("TCP", *address)
        transport.abortConnection()
    closed(reactor, port)


@pytest.mark.parametrize("first", ["127.0.0.1", "::1", "unix"])
@pytest.mark.parametrize("second", ["127.0.0.1", "::1", ":", "unix"])
def test_a_second_address_may_be_of_another_family(
    reactor: Any, first: str, second: str, tmp_path: Path
) -> None:
    factory, path = Meeting(), str(tmp_path / "port.sock")
    if first == "unix":
        inner = reactor.listenUNIX(path, factory)
    else:
        inner = reactor.listenTCP(0, factory, interface=first)
    said = {"unix": f"unix:{tmp_path}/second.sock", "::1": "[::1]:0", ":": ":0"}
    port = Port(
        inner, Entrance(LOOPBACK, direct_listen=said.get(second, f"{second}:0"))
    )
    for listener, octets in zip(port.listeners, (OCTETS, b"octets"), strict=True):
        with socket.socket(listener.family) as stream:
            stream.connect(listener.getsockname())
            stream.sendall(octets)
            before = len(factory.met)
            until(reactor, lambda: len(factory.met) > before)  # noqa: B023  # called here
            transport, here = factory.met[-1], stream.getpeername()
            if listener.family == socket.AF_UNIX:
                assert transport.getHost() == UNIXAddress(here.encode())
            else:
                kind = IPv4Address if len(here) == 2 else IPv6Address
                assert transport.getHost() == kind("TCP", *here)
            transport.abortConnection()
    closed(reactor, port)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_connection_that_is_lost_was_the_clients(
    reactor: Any, family: socket.AddressFamily, tmp_path: Path
) -> None:
    lost: list[Any] = []

    class Losing(Meeting):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  # Twisted's name
            protocol = super().buildProtocol(addr)
            protocol.connectionLost = lambda _: lost.append(
                protocol.transport.getPeer()
            )
            return protocol

    if family == socket.AF_UNIX:
        inner = reactor.listenUNIX(str(tmp_path / "port.sock"), Losing())
    else:
        inner = reactor.listenTCP(0, Losing(), interface="127.0.0.1")
    port = Port(inner, ENTRANCE)
    with socket.socket(family) as stream:
        stream.connect(port.listeners[0].getsockname())
        stream.sendall(OCTETS)
        stream.shutdown(socket.SHUT_WR)
        until(reactor, lambda: lost)
    (peer,) = lost
    assert peer == IPv4Address("TCP", *CLIENT)
    assert peer.preamble == PREAMBLE
    closed(reactor, port)


def test_tls_begins_behind_the_preamble(reactor: Any, authority: Authority) -> None:
    factory = Meeting()
    context: Any = DefaultOpenSSLContextFactory
    inner = reactor.listenSSL(
        0,
        factory,
        context(str(authority.key), str(authority.certificate)),
        interface="127.0.0.1",
    )
    port = Port(inner, ENTRANCE)
    with Client(("127.0.0.1", port.getHost().port), authority.client()) as client:
        client.begin(before=OCTETS)
        until(reactor, lambda: factory.met)
        (transport,) = factory.met
        assert transport.getPeer() == IPv4Address("TCP", *CLIENT)
        assert transport.getPeer().preamble == PREAMBLE
        transport.abortConnection()
    closed(reactor, port)


def test_a_protocol_that_fails_stops_nobody(reactor: Any) -> None:
    class Failing(Meeting):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  # Twisted's name
            if not self.built:
                self.built.append(addr)
                raise ValueError("as the test says")
            return super().buildProtocol(addr)

    factory = Failing()
    port = Port(reactor.listenTCP(0, factory, interface="127.0.0.1"), ENTRANCE)
    address = ("127.0.0.1", port.getHost().port)
    with socket.create_connection(address, PATIENCE) as failed:
        failed.sendall(OCTETS)
        until(reactor, lambda: factory.built)
        assert ended(failed)
        with socket.create_connection(address, PATIENCE) as stream:
            stream.sendall(OCTETS)
            until(reactor, lambda: factory.met)
    factory.met[0].abortConnection()
    closed(reactor, port)


def test_a_protocol_that_fails_when_it_is_made_stops_nobody(reactor: Any) -> None:
    """The reactor watches it by then, and the next connection has its descriptor."""
    lost: list[Any] = []

    class Failing(Meeting):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  # Twisted's name
            protocol = super().buildProtocol(addr)
            if len(self.built) == 1:
                protocol.connectionMade = unmade
                protocol.connectionLost = lost.append
            return protocol

    def unmade() -> None:
        raise ValueError("as the test says")

    factory = Failing()
    port = Port(reactor.listenTCP(0, factory, interface="127.0.0.1"), ENTRANCE)
    address = ("127.0.0.1", port.getHost().port)
    with socket.create_connection(address, PATIENCE) as failed:
        failed.sendall(OCTETS + b"octets")
        until(reactor, lambda: lost)
        assert ended(failed)
    for _ in range(3):
        with socket.create_connection(address, PATIENCE) as stream:
            stream.sendall(OCTETS + b"octets")
            stream.setblocking(False)
            until(reactor, lambda: answer(stream) == b"OCTETS")
        factory.met[-1].abortConnection()
    closed(reactor, port)


def answer(stream: socket.socket) -> bytes:
    """What it has received, without waiting."""
    try:
        return stream.recv(100)
    except BlockingIOError:
        return b""


def test_a_factory_may_turn_a_client_away(reactor: Any) -> None:
    class Away(Meeting):
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802  # Twisted's name
            self.built.append(addr)

    factory = Away()
    port = Port(reactor.listenTCP(0, factory, interface="127.0.0.1"), ENTRANCE)
    with socket.create_connection(
        ("127.0.0.1", port.getHost().port), PATIENCE
    ) as stream:
        stream.sendall(OCTETS)
        until(reactor, lambda: factory.built)
        assert ended(stream)
    closed(reactor, port)


def test_nothing_stays_open(reactor: Any, tmp_path: Path) -> None:
    # Twisted keeps one for the day that descriptors run out: before, then.
    closed(reactor, Port(reactor.listenTCP(0, Meeting()), ENTRANCE))
    before = settled_descriptors()
    path, second = tmp_path / "port.sock", tmp_path / "direct.sock"
    entrance = Entrance(LOOPBACK, direct_listen=["127.0.0.1:0", f"unix:{second}"])
    port = Port(reactor.listenUNIX(str(path), Meeting()), entrance)
    assert path.is_socket()
    assert second.is_socket()
    trusts = [one.trust.others for one in port.listeners]
    assert trusts == ["refuse", "direct", "direct"]
    closed(reactor, port)
    assert not path.exists()
    assert not second.exists()
    assert open_descriptors() == before


def test_a_port_that_cannot_be_leaves_nothing_open(
    reactor: Any, tmp_path: Path
) -> None:
    closed(reactor, Port(reactor.listenTCP(0, Meeting()), ENTRANCE))
    before = settled_descriptors()
    entrance = Entrance(LOOPBACK, direct_listen=["127.0.0.1:0", "192.0.2.1:9"])
    inner = reactor.listenTCP(0, Meeting())
    with pytest.raises(OSError, match=r"192\.0\.2\.1:9"):
        Port(inner, entrance)
    inner.connectionLost(Failure(ConnectionDone()))
    assert open_descriptors() == before


def test_the_reactors_end_is_the_ports(reactor: Any, tmp_path: Path) -> None:
    path = tmp_path / "port.sock"
    port = Port(reactor.listenUNIX(str(path), Meeting()), ENTRANCE)
    reactor.disconnectAll()
    assert not path.exists()
    assert [listener.fileno() for listener in port.listeners] == [-1]


def test_a_port_of_another_kind_is_refused(reactor: Any) -> None:
    udp = reactor.listenUDP(0, DatagramProtocol())
    with pytest.raises(ConfigurationError, match="TCP or UNIX"):
        Port(udp, ENTRANCE)
    udp.connectionLost()

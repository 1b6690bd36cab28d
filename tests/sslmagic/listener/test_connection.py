"""Moving octets: what is taken, what is left, and what wakes the watcher meanwhile."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic import (
    TLV,
    Endpoint,
    Preamble,
    Reason,
    Trust,
    UnixEndpoint,
    encode,
)
from sslmagic.listener.connection import Connection, client_name, receive
from sslmagic.listener.peername import peer_name, peer_of
from sslmagic.reception import Accepted, Reception, Refused
from tests.sslmagic.receiving import (
    CLIENT,
    DESTINATION,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    HelloVerifier,
    connect,
    listening,
    reset,
)

HELLO = b"\x16\x03\x01\x08\x00\x01" + bytes(2042)
"""What starts like a ClientHello of 2 048 octets."""

EDGES = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET


class Pair:
    """A client and the server's end of its connection, watched as a listener does."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.client, self.connection = near, far
        self.epoll = select.epoll()
        self.watched = False

    def happens(self, patience: float = PATIENCE) -> int:
        if not self.watched:
            self.epoll.register(self.connection, EDGES)
            self.watched = True
        events = self.epoll.poll(patience, 1)
        return events[0][1] if events else 0

    def until_decided(self, reception: Reception) -> Accepted | Refused:
        events = 0
        while (out := receive(self.connection, reception, 0.0, events)) is None:
            events = self.happens()
            assert events, "nothing happens any more"
        return out

    def low_water(self) -> int:
        return self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


@pytest.fixture(params=["tcp", "unix"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "unix":
        near, far = socket.socketpair()
        near.settimeout(PATIENCE)
    else:
        with listening() as server:
            near = connect(server)
            far, _ = server.accept()
    with near, far:
        made = Pair(near, far)
        yield made
        made.epoll.close()


def reception(verifier: HelloVerifier | None = None) -> Reception:
    return Reception(LOOPBACK, UnixEndpoint(), 0.0, verifier=verifier)


def test_nothing_behind_the_preamble_is_taken(pair: Pair) -> None:
    pair.client.sendall(OCTETS + b"ClientHello")
    accepted = pair.until_decided(reception())
    assert isinstance(accepted, Accepted)
    assert accepted.client == CLIENT
    assert pair.connection.recv(100) == b"ClientHello"


def test_octet_by_octet(pair: Pair) -> None:
    receiving = reception()
    for octet in OCTETS[:-1]:
        assert receive(pair.connection, receiving, 0.0) is None
        pair.client.sendall(bytes([octet]))
        assert pair.happens() & select.EPOLLIN
    pair.client.sendall(OCTETS[-1:] + b"rest")
    assert isinstance(pair.until_decided(receiving), Accepted)
    assert pair.connection.recv(100) == b"rest"


def test_bound_octets_are_seen_and_left(pair: Pair) -> None:
    verifier = HelloVerifier()
    receiving = reception(verifier)
    pair.client.sendall(OCTETS + HELLO[:1000])
    assert receive(pair.connection, receiving, 0.0) is None
    pair.client.sendall(HELLO[1000:] + b"more")
    assert isinstance(pair.until_decided(receiving), Accepted)
    assert verifier.seen == [HELLO]
    assert pair.low_water() == 1
    received = b""
    while len(received) < len(HELLO) + 4:
        received += pair.connection.recv(65536)
    assert received == HELLO + b"more"


def test_octets_that_are_left_wake_nobody(pair: Pair) -> None:
    receiving = reception(HelloVerifier())
    pair.client.sendall(OCTETS + HELLO[:1000])
    while receiving.wanted:
        assert receive(pair.connection, receiving, 0.0, pair.happens()) is None
    while events := pair.happens(0):
        assert receive(pair.connection, receiving, 0.0, events) is None
    assert pair.happens(0.05) == 0
    assert pair.low_water() == len(HELLO)


def test_over_tcp_a_hello_in_octets_wakes_hardly_ever() -> None:
    """SO_RCVLOWAT holds, but for when the kernel runs short of buffers."""
    verifier = HelloVerifier()
    receiving = reception(verifier)
    with listening() as server, connect(server, OCTETS) as client:
        far, _ = server.accept()
        with far:
            made = Pair(client, far)
            while receiving.wanted:
                receive(far, receiving, 0.0, made.happens())
            woken = 0
            for i in range(len(HELLO)):
                client.sendall(HELLO[i : i + 1])
                if i < len(HELLO) - 1:
                    woken += made.happens(0) != 0
            assert woken < len(HELLO) // 20
            assert isinstance(made.until_decided(receiving), Accepted)
            made.epoll.close()


@pytest.mark.parametrize("sent", [b"", OCTETS[:1], OCTETS[:-1]])
def test_an_end_inside_the_preamble(pair: Pair, sent: bytes) -> None:
    pair.client.sendall(sent)
    pair.client.shutdown(socket.SHUT_WR)
    refused = pair.until_decided(reception())
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED
    assert refused.offset == len(sent)


@pytest.mark.parametrize("length", [0, 1, len(HELLO) - 1])
@pytest.mark.parametrize("how", ["shutdown", "close"])
def test_an_end_inside_the_bound_octets(pair: Pair, length: int, how: str) -> None:
    """No read tells of it while octets are left: only epoll does."""
    pair.client.sendall(OCTETS + HELLO[:length])
    if how == "shutdown":
        pair.client.shutdown(socket.SHUT_WR)
    else:
        pair.client.close()
    refused = pair.until_decided(reception(HelloVerifier()))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TRUNCATED
    assert refused.offset == len(OCTETS)


@pytest.mark.parametrize(
    ("sent", "verifier"),
    [(b"", None), (OCTETS[:5], None), (OCTETS + HELLO[:99], HelloVerifier())],
)
def test_a_reset(sent: bytes, verifier: HelloVerifier | None) -> None:
    receiving = reception(verifier)
    with listening() as server:
        client = connect(server, sent)
        far, _ = server.accept()
        with far:
            made = Pair(client, far)
            while sent and made.happens(0.2):
                receive(far, receiving, 0.0)
            reset(client)
            refused = made.until_decided(receiving)
            made.epoll.close()
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.RESET


def test_urgent_data_shifts_nothing() -> None:
    """It is no part of the stream, and what is seen is still what is taken."""
    with listening() as server, connect(server, OCTETS[:9]) as client:
        client.send(b"!", socket.MSG_OOB)
        client.sendall(OCTETS[9:] + b"rest")
        far, _ = server.accept()
        with far:
            made = Pair(client, far)
            assert isinstance(made.until_decided(reception()), Accepted)
            assert far.recv(100) == b"rest"
            made.epoll.close()


@pytest.mark.parametrize("taken", [b"", OCTETS[:-1], OCTETS[:-1] + b"?"])
def test_what_is_seen_must_be_what_is_taken(taken: bytes) -> None:
    class Fickle(socket.socket):
        def recv(self, size: int, flags: int = 0, /) -> bytes:
            return OCTETS + b"rest" if flags & socket.MSG_PEEK else taken

    with Fickle() as fickle:
        refused = receive(fickle, reception(), 0.0)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.RESET


@pytest.mark.parametrize("format", ["magic", "proxy2"])
def test_a_preamble_longer_than_a_glance(pair: Pair, format: str) -> None:
    tlvs = [TLV(0xE7, bytes(1000))]
    preamble = Preamble(source=CLIENT, destination=DESTINATION, tlvs=tlvs)
    octets = encode(preamble, format, limit=2048)
    trust = Trust(peers=["unix"], formats=[format])
    pair.client.sendall(octets + b"rest")
    accepted = pair.until_decided(Reception(trust, UnixEndpoint(), 0.0))
    assert isinstance(accepted, Accepted)
    assert accepted.preamble == preamble
    assert pair.connection.recv(100) == b"rest"


def test_an_end_behind_the_preamble_is_the_servers_to_see(pair: Pair) -> None:
    pair.client.sendall(OCTETS + b"bye")
    pair.client.close()
    assert isinstance(pair.until_decided(reception()), Accepted)
    assert pair.connection.recv(100) == b"bye"
    assert pair.connection.recv(100) == b""


def test_a_connection_has_its_clients_name() -> None:
    near, far = socket.socketpair()
    with near, far:
        made = Connection(far.family, far.type, far.proto, far.detach())
        made.peer_name = peer_name(Endpoint(*CLIENT), PREAMBLE, Endpoint("10.0.0.5", 1))
        with made, made.dup() as duplicate:
            assert made.getpeername() == CLIENT
            assert duplicate.getpeername() == CLIENT
            assert duplicate.getpeername().preamble is PREAMBLE
            assert duplicate.fileno() != made.fileno()


def test_the_name_of_each_kind_of_connection() -> None:
    kernel = ("::ffff:10.0.0.1", 40000, 0, 0)
    peer = peer_of(kernel)
    direct = Reception(Trust(direct=["10.0.0.0/8"]), peer, 0.0).outcome
    assert isinstance(direct, Accepted)
    assert client_name(direct, kernel) == kernel
    local = Preamble.local()
    assert client_name(Accepted(None, peer, local), kernel) == ""
    assert client_name(Accepted(peer, peer, local), kernel) == ("10.0.0.1", 40000)
    named = client_name(Accepted(Endpoint(*CLIENT), peer, PREAMBLE), kernel)
    assert named.peer == Endpoint("10.0.0.1", 40000)
    assert named == CLIENT

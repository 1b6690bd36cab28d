"""Connections: what they save, and that nothing is lost by it."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.relay.address import Address
from sslmagic.relay.connection import AT_ONCE, Connection
from sslmagic.relay.limits import Limits
from sslmagic.relay.loop import ARRIVALS
from sslmagic.relay.pair import ClientEnd, End, NodeEnd
from sslmagic.relay.seen import NAGLE
from sslmagic.relay.sender import Gateway
from tests.sslmagic.relay.harness import Backend, Running, gateway, receive
from tests.sslmagic.relay.test_worker import worker


@pytest.fixture
def server() -> Gateway:
    nodes = [Address.of(Endpoint("127.0.0.1", 1))]
    return Gateway(worker(), Limits(), nodes)


@pytest.fixture
def pair(server: Gateway) -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(socket.AF_UNIX, socket.SOCK_STREAM, 0, ours.detach())
    connection.start(server)
    with theirs:
        yield connection, theirs
    connection.close()


def test_a_blocking_socket_never_blocks(
    pair: tuple[Connection, socket.socket],
) -> None:
    connection, _ = pair
    assert connection.getblocking()
    with pytest.raises(BlockingIOError):
        connection.recv(1, AT_ONCE)


def test_a_short_read_of_a_unix_socket_proves_nothing(
    pair: tuple[Connection, socket.socket], server: Gateway
) -> None:
    assert pair[0].seen & select.EPOLLHUP
    tcp = Connection(socket.AF_INET, socket.SOCK_STREAM)
    tcp.start(server)
    assert not tcp.seen
    tcp.close()


def test_room_is_watched_from_the_first_octet_that_is_kept(
    pair: tuple[Connection, socket.socket], server: Gateway
) -> None:
    connection, _ = pair
    masks: list[int] = []

    class Handler:
        def ready(self, mask: int) -> None:
            masks.append(mask)

        def swept(self, now: float) -> None: ...

        def abort(self) -> None: ...

    server.loop.add(connection.fileno(), Handler(), ARRIVALS)
    server.loop.after(0.01, server.loop.stop)
    server.loop.run()
    told = [len(masks)]
    connection.keep(b"octets")
    assert connection.pending == b"octets"
    server.loop.after(0.01, server.loop.stop)
    server.loop.run()
    told.append(len(masks))
    assert told == [0, 1]
    assert masks == [select.EPOLLOUT]


def test_a_connection_that_is_given_up_says_so(
    pair: tuple[Connection, socket.socket],
) -> None:
    connection, theirs = pair
    said = [connection.closed]
    connection.drop()
    said.append(connection.closed)
    assert said == [False, True]
    connection.server.loop.abort()
    assert theirs.recv(1) == b""


def test_small_writes_to_a_node_do_not_wait_for_each_other() -> None:
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        with relay.client(b"first") as client, backend.accept() as node:
            assert receive(node, 5) == b"first"
            relay.when(lambda: len(_ends(relay, NodeEnd)) == 1)
            (end,) = _ends(relay, NodeEnd)
            assert end.seen & NAGLE
            client.sendall(b"second")
            assert receive(node, 6) == b"second"
            assert not end.seen & NAGLE
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_small_writes_to_a_client_never_wait() -> None:
    with Backend() as backend, Running(gateway(backend.address)) as relay:
        with relay.client(b"first"), backend.accept():
            relay.when(lambda: len(_ends(relay, ClientEnd)) == 1)
            (end,) = _ends(relay, ClientEnd)
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _ends(relay: Running, kind: type[End]) -> list[End]:
    return [end for end in relay.worker.loop.handlers() if isinstance(end, kind)]


@pytest.mark.parametrize(
    ("timeout", "first", "probed"),
    [(0.0, 10.0, True), (300.0, 0.0, True), (300.0, 10.0, False)],
)
def test_peers_are_probed_where_no_timeout_ends_them(
    timeout: float, first: float, *, probed: bool
) -> None:
    """A peer that vanished without a word would else stay for ever."""
    with Backend() as backend:
        build = gateway(
            backend.address, limits=Limits(timeout=timeout, connect_timeout=first)
        )
        with Running(build) as relay, relay.client(b"x"), backend.accept():
            relay.until(joined=1)
            said: dict[type, bool] = {}
            relay.call(
                lambda: said.update(
                    (
                        type(each),
                        each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1,
                    )
                    for each in relay.worker.loop.handlers()
                    if isinstance(each, End)
                )
            )
            relay.when(lambda: bool(said))
            assert said == {ClientEnd: probed, NodeEnd: not timeout}

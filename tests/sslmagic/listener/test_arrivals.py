"""What waits is bounded in number, in time and in what it costs."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from sslmagic import Reason, Trust
from sslmagic.listener.arrivals import Arrivals, Rules
from sslmagic.listener.connection import Connection
from sslmagic.listener.peername import SocketAddress
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    connect,
    ended,
    listening,
)

Accept = Callable[[], tuple[int, SocketAddress]]


class Desk:
    """A listening socket and its arrivals."""

    def __init__(
        self, *, trust: Trust = LOOPBACK, deadline: float = 60.0, waiting: int = 100
    ) -> None:
        self.socket = listening()
        self.socket.setblocking(False)
        self.arrivals = Arrivals(
            self.socket.fileno(),
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP),
            Rules(trust, deadline, waiting, None, None),
        )
        self.failures: list[int] = []

    def accept(self) -> tuple[int, SocketAddress]:
        if self.failures:
            raise OSError(self.failures.pop(0), "as the test says")
        connection, address = self.socket.accept()
        return connection.detach(), address

    def ready(self, patience: float = PATIENCE) -> Connection | None:
        return self.arrivals.ready(self.accept, patience)

    def readable(self, patience: float = PATIENCE) -> bool:
        return bool(select.select([self.arrivals], [], [], patience)[0])

    def take_in(self) -> None:
        """Work off what has happened by now; nothing of it is ready."""
        while self.readable(0):
            assert self.ready(0) is None

    def refused(self, reason: Reason) -> int:
        return self.arrivals.counters.refused[reason]

    def close(self) -> None:
        self.arrivals.close()
        self.socket.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_it_is_readable_exactly_while_there_is_work(desk: Desk) -> None:
    assert not desk.readable(0)
    client = connect(desk.socket, OCTETS[:5])
    assert desk.readable()
    desk.take_in()
    client.sendall(OCTETS[5:])
    assert desk.readable()
    connection = desk.ready()
    assert connection is not None
    assert connection.getpeername() == CLIENT
    assert not desk.readable(0)
    client.sendall(b"for the application, not for us")
    assert not desk.readable(0.05)
    client.close()
    assert not desk.readable(0.05)
    connection.close()


def test_what_was_not_worked_off_keeps_it_readable(desk: Desk) -> None:
    clients = [connect(desk.socket, OCTETS) for _ in range(20)]
    late = connect(desk.socket)
    served: list[Connection | None] = []
    while desk.readable(0):
        if (connection := desk.ready(0)) is not None:
            served.append(connection)
    assert len(served) == len(clients)
    late.sendall(OCTETS)
    assert desk.readable()
    served.append(desk.ready())
    for open_one in (late, *clients, *served):
        assert open_one is not None
        open_one.close()


def test_a_flood_of_newcomers_does_not_starve_who_waits(desk: Desk) -> None:
    """One event gives one connection, and the kernel takes turns among the ready."""
    waiting = connect(desk.socket)
    desk.take_in()
    clients = [connect(desk.socket, OCTETS) for _ in range(50)]
    waiting.sendall(OCTETS)
    name = waiting.getsockname()
    order = []
    for _ in range(51):
        connection = desk.ready()
        assert connection is not None
        order.append(socket.socket.getpeername(connection))
        connection.close()
    assert order.index(name) < 5
    for client in (waiting, *clients):
        client.close()


def test_rubbish_is_worked_off_in_bounded_turns(desk: Desk) -> None:
    rubbish = [connect(desk.socket, b"GET / HTTP/1.1\r\n\r\n") for _ in range(100)]
    assert desk.ready() is None
    first = desk.refused(Reason.FORMAT)
    assert 0 < first < 100
    assert desk.readable(0)
    while desk.readable(0):
        desk.ready(0)
    assert desk.refused(Reason.FORMAT) == 100
    for client in rubbish:
        assert ended(client)
        client.close()


def test_the_silent_are_gone_by_the_deadline() -> None:
    desk = Desk(deadline=0.2)
    begun = time.monotonic()
    silent = [connect(desk.socket) for _ in range(50)]
    slow = connect(desk.socket, OCTETS[:3])
    desk.take_in()
    slow.sendall(OCTETS[3:4])
    while desk.refused(Reason.TIMEOUT) < 51:
        assert desk.readable()
        assert desk.ready() is None
    assert 0.2 <= time.monotonic() - begun < 0.2 + 1
    assert all(ended(client) for client in (*silent, slow))
    assert not desk.readable(0.05)
    for client in (*silent, slow):
        client.close()
    desk.close()


def test_beyond_the_limit_who_waited_longest_goes() -> None:
    desk = Desk(waiting=3)
    silent = [connect(desk.socket, OCTETS[:1]) for _ in range(5)]
    desk.take_in()
    assert desk.refused(Reason.WAITING) == 2
    assert ended(silent[0])
    assert ended(silent[1])
    good = connect(desk.socket, OCTETS)
    connection = desk.ready()
    assert connection is not None
    assert connection.getpeername() == CLIENT
    assert desk.refused(Reason.WAITING) == 2, "who is ready at once never waits"
    connection.close()
    for client in silent[2:]:
        client.sendall(OCTETS[1:])
        connection = desk.ready()
        assert connection is not None
        connection.close()
    for client in (*silent, good):
        client.close()
    desk.close()


def test_peers_that_may_not_connect_never_wait() -> None:
    desk = Desk(trust=Trust(peers=["192.0.2.1"]), waiting=1)
    clients = [connect(desk.socket) for _ in range(5)]
    while desk.refused(Reason.PEER) < 5:
        assert desk.readable()
        assert desk.ready() is None
    assert desk.refused(Reason.WAITING) == 0
    assert all(ended(client) for client in clients)
    for client in clients:
        client.close()
    desk.close()


def test_without_descriptors_who_waited_longest_makes_room(desk: Desk) -> None:
    silent = [connect(desk.socket) for _ in range(2)]
    desk.take_in()
    desk.failures = [errno.EMFILE]
    good = connect(desk.socket, OCTETS)
    connection = desk.ready()
    assert connection is not None
    assert desk.refused(Reason.WAITING) == 1
    assert ended(silent[0])
    for client in (*silent, good, connection):
        client.close()


@pytest.mark.parametrize("fault", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_without_room_it_pauses_and_does_not_spin(desk: Desk, fault: int) -> None:
    desk.failures = [fault] * 3
    client = connect(desk.socket, OCTETS)
    begun = time.monotonic()
    wakes = 0
    while (connection := desk.ready()) is None:
        wakes += 1
    assert desk.failures == []
    assert time.monotonic() - begun >= 3 * 0.2 - 0.01
    assert wakes <= 2 * 3
    connection.close()
    client.close()


def test_a_pause_leaves_what_is_new_to_the_kernel(desk: Desk) -> None:
    waiting = connect(desk.socket)
    desk.take_in()
    desk.arrivals.pause()
    new = connect(desk.socket, OCTETS)
    assert not desk.readable(0.1)
    waiting.sendall(OCTETS)
    connection = desk.ready()
    assert connection is not None
    assert socket.socket.getpeername(connection) == waiting.getsockname()
    connection.close()
    desk.arrivals.resume()
    connection = desk.ready()
    assert connection is not None
    assert socket.socket.getpeername(connection) == new.getsockname()
    for client in (waiting, new, connection):
        client.close()


def test_a_pause_outlasts_that_for_want_of_room(desk: Desk) -> None:
    desk.failures = [errno.ENFILE]
    with connect(desk.socket, OCTETS):
        assert desk.ready() is None
        desk.arrivals.pause()
        assert desk.readable()
        desk.take_in()
        assert not desk.readable(0.1)
        desk.arrivals.resume()
        connection = desk.ready()
        assert connection is not None
        connection.close()


def test_who_waits_is_served_while_accepting_pauses(desk: Desk) -> None:
    waiting = connect(desk.socket)
    desk.take_in()
    desk.failures = [errno.ENFILE] * 1000
    client = connect(desk.socket, OCTETS)
    desk.take_in()
    begun = time.monotonic()
    waiting.sendall(OCTETS)
    connection = desk.ready()
    assert connection is not None
    assert socket.socket.getpeername(connection) == waiting.getsockname()
    assert time.monotonic() - begun < 0.2
    for each in (waiting, client, connection):
        each.close()


@pytest.mark.parametrize("fault", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM])
def test_what_befell_a_peer_is_nobody_elses_trouble(desk: Desk, fault: int) -> None:
    desk.failures = [fault]
    with connect(desk.socket, OCTETS):
        connection = desk.ready()
    assert connection is not None
    connection.close()


def test_a_fault_of_the_listening_socket_is_raised(desk: Desk) -> None:
    desk.socket.shutdown(socket.SHUT_RDWR)
    assert desk.readable()
    with pytest.raises(OSError, match="Invalid argument"):
        desk.ready()


def test_a_wake_ends_waiting(desk: Desk) -> None:
    desk.arrivals.wake()
    begun = time.monotonic()
    assert desk.ready(PATIENCE) is None
    assert time.monotonic() - begun < PATIENCE / 2
    assert not desk.readable(0)


def test_closing_ends_who_waits(desk: Desk) -> None:
    silent = connect(desk.socket)
    desk.take_in()
    desk.arrivals.close()
    assert ended(silent)
    silent.close()

"""Reading what is there, and writing what is taken."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic.relay.counters import Counters
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.log import Log
from sslmagic.relay.pair import ClientEnd
from sslmagic.relay.worker import Worker
from tests.sslmagic.relay.harness import PATIENCE, closed_address, reset
from tests.sslmagic.relay.http.talk import http

BULK = b"0123456789abcdef" * (1 << 18)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    worker = Worker(0, 1, Counters(1).row(0), Log(), sweep=1.0)
    server = http(closed_address())(worker)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname(), PATIENCE)
        connection, _ = listening.accept()
    end = ClientEnd(fileno=connection.detach())
    end.setblocking(False)
    end.start(server)
    with peer:
        yield Channel(end), peer
    end.close()


def wait(channel: Channel, mask: int) -> int:
    poll = select.poll()
    poll.register(channel.end.fileno(), mask)
    ((_, told),) = poll.poll(PATIENCE * 1000)
    return told


def test_it_reads_when_it_was_told_to(ends: tuple[Channel, socket.socket]) -> None:
    channel, peer = ends
    assert channel.read() is None
    peer.sendall(b"abc")
    wait(channel, select.POLLIN)
    assert channel.read() is None
    channel.tell(select.EPOLLIN)
    assert channel.read() == b"abc"
    assert channel.read() is None
    assert channel.end.moved == 3


def test_it_reads_the_end_behind_the_last_octets(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, peer = ends
    peer.sendall(b"abc")
    peer.shutdown(socket.SHUT_WR)
    wait(channel, select.POLLRDHUP)
    channel.tell(select.EPOLLIN | select.EPOLLRDHUP)
    assert channel.read() == b"abc"
    assert channel.read() == b""


def test_it_raises_a_reset(ends: tuple[Channel, socket.socket]) -> None:
    channel, peer = ends
    reset(peer)
    wait(channel, select.POLLIN)
    channel.tell(select.EPOLLERR)
    with pytest.raises(ConnectionResetError):
        channel.read()


def test_it_keeps_what_is_not_taken(ends: tuple[Channel, socket.socket]) -> None:
    channel, peer = ends
    channel.write(b"")
    assert not channel.pending
    channel.write(BULK)
    assert 0 < len(channel.pending) < len(BULK)
    channel.write(b"end")
    channel.flush()
    received = b""
    while len(received) < len(BULK) + 3:
        received += peer.recv(1 << 20)
        channel.flush()
    assert received == BULK + b"end"
    assert not channel.pending


def test_what_is_unsent_goes_first(ends: tuple[Channel, socket.socket]) -> None:
    channel, peer = ends
    later = Channel(channel.end, b"ab")
    later.write(b"c")
    later.flush()
    assert peer.recv(10) == b"abc"


def test_it_raises_that_the_peer_is_gone(ends: tuple[Channel, socket.socket]) -> None:
    channel, peer = ends
    reset(peer)
    wait(channel, select.POLLIN)
    with pytest.raises(ConnectionResetError):
        channel.write(b"x")
    channel.pending = b"x"
    with pytest.raises(BrokenPipeError):
        channel.flush()

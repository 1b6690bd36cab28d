"""Reading what is there, and writing what is taken."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic.relay.http.channel import Channel
from tests.sslmagic.relay.harness import PATIENCE, reset
from tests.sslmagic.relay.http.talk import channel

BULK = b"0123456789abcdef" * (1 << 18)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    with channel() as pair:
        yield pair


def wait(channel: Channel, mask: int) -> int:
    poll = select.poll()
    poll.register(channel.end.fileno(), mask)
    ((_, told),) = poll.poll(PATIENCE * 1000)
    return told


def test_it_reads_when_it_was_told_to(ends: tuple[Channel, socket.socket]) -> None:
    end, peer = ends
    assert end.read() is None
    peer.sendall(b"abc")
    wait(end, select.POLLIN)
    assert end.read() is None
    end.tell(select.EPOLLIN)
    assert end.read() == b"abc"
    assert end.read() is None
    assert end.end.moved == 3


def test_it_reads_the_end_behind_the_last_octets(
    ends: tuple[Channel, socket.socket],
) -> None:
    end, peer = ends
    peer.sendall(b"abc")
    peer.shutdown(socket.SHUT_WR)
    wait(end, select.POLLRDHUP)
    end.tell(select.EPOLLIN | select.EPOLLRDHUP)
    assert end.read() == b"abc"
    assert end.read() == b""


def test_it_raises_a_reset(ends: tuple[Channel, socket.socket]) -> None:
    end, peer = ends
    reset(peer)
    wait(end, select.POLLIN)
    end.tell(select.EPOLLERR)
    with pytest.raises(ConnectionResetError):
        end.read()


def test_it_keeps_what_is_not_taken(ends: tuple[Channel, socket.socket]) -> None:
    end, peer = ends
    end.write(b"")
    assert not end.pending
    end.write(BULK)
    assert 0 < len(end.pending) < len(BULK)
    end.write(b"end")
    end.flush()
    received = b""
    while len(received) < len(BULK) + 3:
        received += peer.recv(1 << 20)
        end.flush()
    assert received == BULK + b"end"
    assert not end.pending


def test_what_is_unsent_goes_first(ends: tuple[Channel, socket.socket]) -> None:
    end, peer = ends
    later = Channel(end.end, b"ab")
    later.write(b"c")
    later.flush()
    assert peer.recv(10) == b"abc"


def test_it_raises_that_the_peer_is_gone(ends: tuple[Channel, socket.socket]) -> None:
    end, peer = ends
    reset(peer)
    wait(end, select.POLLIN)
    with pytest.raises(ConnectionResetError):
        end.write(b"x")
    end.pending = b"x"
    with pytest.raises(BrokenPipeError):
        end.flush()

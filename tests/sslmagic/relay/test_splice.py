"""Pipes: lent, given back, and never more than allowed."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from sslmagic.relay.splice import Pipe, Pipes


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


def test_octets_go_through_a_pipe_that_does_not_block(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    pipe = Pipe()
    try:
        assert pipe.room >= 65536
        with pytest.raises(BlockingIOError):
            pipe.fill(near.fileno())
        far.sendall(b"question")
        assert pipe.fill(near.fileno()) == pipe.filled == 8
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += near.send(bytes(1 << 16))
        with pytest.raises(BlockingIOError):
            pipe.drain(near.fileno())
        assert pipe.filled == 8
        while sent:
            sent -= len(far.recv(min(sent, 1 << 16)))
        pipe.drain(near.fileno())
        assert pipe.filled == 0
        assert far.recv(9) == b"question"
        far.shutdown(socket.SHUT_WR)
        assert pipe.fill(near.fileno()) == 0
    finally:
        pipe.close()


def test_an_empty_pipe_is_lent_again(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    pipes = Pipes(spare=1)
    first, second = pipes.lend(), pipes.lend()
    assert first is not None
    assert second is not None
    assert pipes.lent == 2
    pipes.take_back(first)
    pipes.take_back(second)
    assert pipes.lent == 0
    again = pipes.lend()
    assert again is first
    with pytest.raises(OSError, match="Bad file"):
        second.fill(ends[0].fileno())
    first.close()


def test_a_pipe_that_holds_octets_is_not_lent_again(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    pipes = Pipes()
    pipe = pipes.lend()
    assert pipe is not None
    far.sendall(b"somebody's")
    pipe.fill(near.fileno())
    pipes.take_back(pipe)
    with pytest.raises(OSError, match="Bad file"):
        pipe.drain(near.fileno())


def test_there_are_only_so_many() -> None:
    pipes = Pipes(limit=1, spare=0)
    pipe = pipes.lend()
    assert pipe is not None
    assert pipes.lend() is None
    pipes.take_back(pipe)
    again = pipes.lend()
    assert again is not None
    again.close()


def test_without_descriptors_there_is_no_pipe() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = os.dup(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, hard))
    try:
        pipes = Pipes()
        assert pipes.lend() is None
        assert pipes.lent == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(taken)

"""Pipes: lent, given back, and never more than allowed."""

from __future__ import annotations

import os
import resource

import pytest

from sslmagic.relay.splice import FLAGS, Pipe, Pipes


def test_a_pipe_does_not_block() -> None:
    pipe = Pipe()
    try:
        assert pipe.room >= 65536
        with pytest.raises(BlockingIOError):
            os.read(pipe.reader, 1)
        assert FLAGS & os.SPLICE_F_NONBLOCK
    finally:
        pipe.close()


def test_an_empty_pipe_is_lent_again() -> None:
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
        os.fstat(second.reader)
    first.close()


def test_a_pipe_that_holds_octets_is_not_lent_again() -> None:
    pipes = Pipes()
    pipe = pipes.lend()
    assert pipe is not None
    os.write(pipe.writer, b"somebody's")
    pipe.filled = 10
    pipes.take_back(pipe)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(pipe.reader)


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

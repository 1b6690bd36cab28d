"""Words to the operator: escaped, one line each, not too many."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from sslmagic.relay.log import Log


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def lines(pipe: tuple[int, int]) -> list[str]:
    return os.read(pipe[0], 65536).decode().splitlines()


def test_a_line_stays_one_line(pipe: tuple[int, int]) -> None:
    Log(pipe[1]).say("a\nb\x1b[2Jc\0d\u202ee\ud800")
    assert lines(pipe) == ["magic: a\\nb\\x1b[2Jc\\x00d\\u202ee\\ud800"]


def test_a_line_has_its_limit(pipe: tuple[int, int]) -> None:
    Log(pipe[1]).say("x" * 100_000)
    assert len(lines(pipe)[0]) < 500


def test_peers_cause_only_so_many_lines(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("sslmagic.relay.log.time.monotonic", lambda: now)
    log = Log(pipe[1], rate=10, burst=3)
    for number in range(50):
        log.peer(f"line {number}")
    assert lines(pipe) == [f"magic: line {number}" for number in range(3)]
    now += 0.15
    log.peer("again")
    assert lines(pipe) == ["magic: again (and 47 more that are not shown)"]


def test_a_fault_says_where_it_comes_from(pipe: tuple[int, int]) -> None:
    try:
        raise KeyError("what")
    except KeyError as error:
        Log(pipe[1]).fault(error)
    (line,) = lines(pipe)
    assert line.startswith("magic: a fault of ours: KeyError: 'what' (test_a_fault_")


def test_nobody_reading_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Log(writer).say("to nobody")
    os.close(writer)


def test_a_reader_that_rests_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        filled = 0
        with pytest.raises(BlockingIOError):
            while True:
                filled += os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        log = Log(writer)
        log.peer("into a pipe that is full")
        while filled:
            filled -= len(os.read(reader, filled))
        log.peer("again")
        assert lines((reader, writer)) == [
            "magic: again (and 1 more that are not shown)"
        ]
    finally:
        os.close(reader)
        os.close(writer)


def test_the_longest_line_goes_into_a_pipe_at_once(pipe: tuple[int, int]) -> None:
    """pipe(7): a write of up to PIPE_BUF octets is not parted."""
    Log(pipe[1]).say("\U0010ffff" * 10_000)
    assert len(os.read(pipe[0], 65536)) <= select.PIPE_BUF

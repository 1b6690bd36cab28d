"""workers.py: several processes find what one finds, in the same order."""

from __future__ import annotations

import gzip
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from sslmagic.capture import workers
from sslmagic.capture.conversation import Conversation, Counts
from sslmagic.capture.conversations import Reader
from sslmagic.capture.source import Source
from sslmagic.errors import CaptureError
from tests.sslmagic.capture.wired import T0, Talk, ethernet, ip4, pcap

Found = tuple[list[Conversation], Counts, str]


def found(
    file: Path, count: int, *, wanted: Callable[[bytes], int] = lambda _: 20
) -> Found:
    reader = Reader([file, file], wanted=wanted, workers=count)
    got: list[Conversation] = []
    try:
        got.extend(reader)
    except CaptureError as error:
        return got, reader.counts, str(error)
    return got, reader.counts, ""


def made(file: Path, count: int) -> tuple[list[tuple[str, int, object]], Counts, str]:
    """What is made of each conversation where it was found."""
    reader = Reader([file, file], wanted=lambda _: 20, workers=count)
    got: list[tuple[str, int, object]] = []
    try:
        for one in reader.each(_made):
            got.append(one)  # noqa: PERF402 -- what came before an error counts
    except CaptureError as error:
        return got, reader.counts, str(error)
    return got, reader.counts, ""


def _made(one: Conversation) -> tuple[int, str, str, int, bytes]:
    assert one.number == 0
    return os.getpid(), one.capture, str(one.peer), one.opened, one.sent.octets


def traffic() -> bytes:
    """Two megabytes: some conversations beside each other, and other packets."""
    packets = []
    for number in range(150):
        talk = Talk(ports=(40000 + number * 7, 443), step=50_000_000 + number)
        talk.time = T0 + number * 10_000_000
        talk.open()
        for turn in range(15):
            talk.add(0, turn * 900, bytes(900))
            talk.add(1, turn, b"x", acked=turn * 900)
        if number % 3:
            talk.close(15 * 900, 15)
            talk.add(0, 15 * 900 + 1, acked=16)
        packets += talk.frames()
    packets += [
        (T0 + number * 10**7, ethernet(ip4(bytes(90), protocol=17)))
        for number in range(99)
    ]
    packets.append((T0 + 10**9, ethernet(ip4(bytes(90), total=19))))
    return pcap(sorted(packets))


@pytest.mark.parametrize("tail", [b"", b"\xff" * 20], ids=["whole", "broken"])
def test_the_result_is_that_of_one(tmp_path: Path, tail: bytes) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic() + tail)
    one = found(file, 1)
    assert len(one[0]) == 300
    assert one[1].late == 2 * 100
    assert bool(one[2]) == bool(tail)
    for count in (2, 3):
        assert found(file, count) == one


@pytest.mark.parametrize("tail", [b"", b"\xff" * 20], ids=["whole", "broken"])
def test_what_is_made_of_each_is_made_where_it_is_found(
    tmp_path: Path, tail: bytes
) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic() + tail)
    known = found(file, 1)
    for count in (1, 2):
        got = made(file, count)
        assert got[1:] == known[1:]
        assert [(name, number) for name, number, _ in got[0]] == [
            (one.capture, one.number) for one in known[0]
        ]
        values = [value for _, _, value in got[0] if isinstance(value, tuple)]
        assert [value[1:] for value in values] == [
            (one.capture, str(one.peer), one.opened, one.sent.octets)
            for one in known[0]
        ]
        pids = {value[0] for value in values}
        assert pids == {os.getpid()} if count == 1 else len(pids) == 2 * count


def test_nobody_is_left_when_the_reader_goes_away(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic())
    iterator = iter(Reader([file], wanted=lambda _: 0, workers=2))
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic())
    parent = os.getpid()

    def wanted(octets: bytes) -> int:
        if os.getpid() != parent and octets:
            raise ZeroDivisionError("no front is good enough")
        return 5

    with pytest.raises(RuntimeError, match="ZeroDivisionError: no front"):
        found(file, 2, wanted=wanted)


def test_a_process_that_is_ended_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic())
    parent = os.getpid()
    asked = itertools.count()

    def wanted(octets: bytes) -> int:
        if os.getpid() != parent and next(asked) > 5:
            os.kill(os.getpid(), 9)
        return 5

    with pytest.raises(ChildProcessError, match=r"was ended .*a\.pcap"):
        found(file, 2, wanted=wanted)


@pytest.mark.parametrize("sent", [0, 3, 8, 11])
def test_a_process_that_is_ended_within_a_message_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(traffic())

    def send(pipe: BinaryIO, message: object) -> None:
        pipe.write((b"\x20" + bytes(50))[:sent])
        pipe.flush()
        os.kill(os.getpid(), 9)

    monkeypatch.setattr(workers, "_send", send)
    with pytest.raises(ChildProcessError, match=r"was ended .*a\.pcap"):
        found(file, 2, wanted=lambda _: 5)


def test_processes_are_taken_where_they_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, packed = tmp_path / "a", tmp_path / "a.gz"
    file.write_bytes(b"x" * 100)
    packed.write_bytes(gzip.compress(b"x" * 100))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    with Source(file) as source, Source(packed) as gzipped:
        assert workers.processes(source, None) == 1
        assert workers.processes(source, 3) == 3
        assert workers.processes(source, 1) == 1
        assert workers.processes(gzipped, 3) == 1
        monkeypatch.setattr(workers, "LARGE", 50)
        assert workers.processes(source, None) == workers.MOST
    with (tmp_path / "a").open("rb") as stream, Source(stream) as source:
        assert workers.processes(source, 3) == 1

"""conversations.py: captures in, conversations out, however they are read."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslmagic.capture.conversation import Conversation, Counts, Ended
from sslmagic.capture.conversations import Reader, conversations
from sslmagic.capture.flows import Flows
from sslmagic.capture.frames import Frames
from sslmagic.capture.pcap import Pcap
from sslmagic.errors import CaptureError
from tests.interop.peers import needs
from tests.sslmagic.capture.acts import ACTS, framed, played
from tests.sslmagic.capture.wired import (
    T0,
    Talk,
    Timed,
    pcap,
    pcapng,
    read,
)


@given(ACTS, st.sampled_from([0, 20, 100]), st.sampled_from([pcap, pcapng]))
@settings(max_examples=300, deadline=None)
def test_the_short_way_gives_the_same(acts, wanted, write) -> None:  # type: ignore[no-untyped-def]
    capture = write(framed(played(acts)))
    assert read(capture, wanted=wanted) == read(capture, wanted=wanted, plain=False)


class Slowly(io.RawIOBase):
    """Gives a capture in pieces of chosen sizes."""

    def __init__(self, octets: bytes, chance: random.Random, most: int) -> None:
        self._octets = octets
        self._chance = chance
        self._most = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = min(self._chance.randint(1, self._most), size)
        octets, self._octets = self._octets[:count], self._octets[count:]
        return octets


@given(ACTS, st.integers(), st.sampled_from([pcap, pcapng]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_pieces_make_no_difference(acts, seed, write, packed) -> None:  # type: ignore[no-untyped-def]
    capture = write(framed(played(acts)))
    octets = gzip.compress(capture) if packed else capture
    slowly = Slowly(octets, random.Random(seed), 200)
    reader = Reader([slowly], wanted=lambda _: 100)  # type: ignore[list-item]
    assert sorted(reader, key=lambda one: one.number) == read(capture)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_the_packets_did_the_stream_is_the_same(data: st.DataObject) -> None:
    """Segments, order, copies and overlap of equal data."""
    stream = bytes(range(256))
    ends = sorted(data.draw(st.sets(st.integers(1, 255), max_size=12)) | {256})
    parts = list(zip([0, *ends[:-1]], ends, strict=True))
    extra = data.draw(st.lists(st.sampled_from(parts), max_size=4))
    talk = Talk(isns=(data.draw(st.integers(0, 0xFFFFFFFF)), 7))
    talk.open()
    for begin, end in data.draw(st.permutations(parts + extra)):
        talk.add(0, begin, stream[begin:end])
    (one,) = read(pcap(talk.frames()), wanted=256)
    assert (one.sent.octets, one.sent.conflicting) == (stream, 0)


def opened(number: int) -> Talk:
    talk = Talk(ports=(50000 + number, 443))
    talk.open()
    talk.add(0, 0, b"hello")
    return talk


def test_an_end_is_given_while_the_pipe_goes_on() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", 0) as end:
        first, second = opened(0), opened(1)
        first.close(5, 0)
        end.write(pcap([*second.frames(), *first.frames()]))
        found = conversations([pipe], wanted=lambda _: 5)
        one = next(found)
        assert (one.number, one.ended) == (2, Ended.CLOSED)
        second.packets.clear()
        second.close(5, 0)
        end.write(pcap(second.frames())[24:])
        assert next(found).number == 1
        end.close()
        assert list(found) == []


def test_captures_are_read_one_after_the_other_and_faults_are_kept(
    tmp_path: Path,
) -> None:
    good, broken = tmp_path / "good.pcap", tmp_path / "broken.pcapng"
    good.write_bytes(pcap(opened(0).frames()))
    broken.write_bytes(pcapng(opened(1).frames())[:-5])
    told: list[tuple[int, int | None]] = []
    reader = Reader(
        [broken, tmp_path / "none", good],
        wanted=lambda _: 5,
        progress=lambda done, total: told.append((done, total)),
    )
    found: list[Conversation] = []
    with pytest.raises(CaptureError) as caught:
        found.extend(reader)
    assert caught.value.capture == str(broken)
    with pytest.raises(FileNotFoundError):
        list(Reader([tmp_path / "none"], wanted=lambda _: 5))
    iterator = iter(Reader([broken, tmp_path / "none", good], wanted=lambda _: 5))
    kept = [next(iterator), next(iterator)]
    assert [(one.capture, one.number) for one in kept] == [
        (str(broken), 1),
        (str(good), 2),
    ]
    assert told[-1] == (broken.stat().st_size + good.stat().st_size, None)
    assert reader.counts.packets == 3 + 4


def test_memory_is_that_of_what_is_open() -> None:
    """Thousands of conversations one after the other leave nothing behind."""
    flows = Flows("-", wanted=lambda _: 0, answer=0, counts=Counts(), number=0)

    def frames() -> Iterator[Timed]:
        for number in range(1000):
            talk = Talk(ports=(1024 + number, 443))
            talk.time = T0 + number * 10**9
            talk.open()
            talk.close(0, 0)
            yield from talk.frames()

    octets = pcap(frames())
    reader = Pcap(octets[:24], Frames(flows, Counts()))
    most = 0
    at = 24
    while at < len(octets):
        at += reader.read(octets[at : at + 7 * 76 * 20], 0, at)
        most = max(most, len(flows.streams))
    assert len(flows.done) == 1000
    assert most < 2 * 150


def test_tshark_sees_the_same(tmp_path: Path) -> None:
    needs("tshark")
    file = tmp_path / "a.pcapng"
    talks = []
    for number in range(2):
        talk = opened(number)
        talk.add(0, 5, b"second")
        if number % 2:
            talk.add(0, 5, b"second", after=300_000_000)
        talk.add(0, 20, b"later", after=1_000_000)
        talk.add(0, 11, b"between..", after=1_000_000)
        talk.add(1, 0, b"answer", acked=25)
        talk.close(25, 6)
        talks.append(talk)
    frames = sorted(frame for talk in talks for frame in talk.frames())
    file.write_bytes(pcapng(frames))
    found = sorted(
        conversations([file], wanted=lambda _: 25), key=lambda one: one.number
    )
    for one in found:
        said = subprocess.run(
            [
                *("tshark", "-r", file, "-q"),
                *("-z", f"follow,tcp,raw,{one.number - 1}"),
            ],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        lines = said.splitlines()
        assert f"Node 0: {one.peer}" in lines
        assert f"Node 1: {one.listener}" in lines
        sent = bytes.fromhex(
            "".join(line for line in lines if line[:1] in "0123456789abcdef")
        )
        assert sent == one.sent.octets == b"hellosecondbetween..later"
        assert one.sent.retransmitted == one.peer.port % 2
        assert one.sent.reordered == 1


def test_one_whose_front_grows_is_told_of_before_it_ends() -> None:
    talk = Talk()
    talk.open()
    talk.add(0, 0, b"he")
    begun = len(talk.frames())
    talk.add(0, 2, b"llo, world")
    known = len(talk.frames())
    talk.add(0, 12, b"!")
    frames = talk.frames()
    told: list[tuple[int, bytes, Ended]] = []

    def early(found: Conversation) -> None:
        told.append((found.number, found.sent.octets, found.ended))

    class InPieces(io.RawIOBase):
        pieces = iter(
            [pcap(frames[:begun])]
            + [pcap(part)[24:] for part in (frames[begun:known], frames[known:])]
        )

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return next(self.pieces, b"")

    reader = Reader([cast(BinaryIO, InPieces())], wanted=lambda _: 5, early=early)
    assert [found.number for found in reader] == [1]
    assert told == [(1, b"he", Ended.OPEN), (1, b"hello", Ended.OPEN)]

"""reading.py: what each piece has brought, and what the last one says."""

from __future__ import annotations

import io

from sslmagic.capture.conversation import Counts
from sslmagic.capture.flows import Flows
from sslmagic.capture.reading import Batch, reading
from sslmagic.capture.source import Source
from tests.sslmagic.capture.wired import Talk, pcap


def batches(octets: bytes) -> list[Batch]:
    counts = Counts()
    flows = Flows("-", wanted=lambda _: 0, answer=0, counts=counts, number=0)
    with Source(io.BytesIO(octets)) as source:
        return list(reading(source, flows, counts))


def test_what_ended_and_what_began_is_told_once() -> None:
    talk = Talk()
    talk.open()
    talk.close(0, 0)
    talk.isns = (7, 7)
    talk.open()
    *pieces, last = batches(pcap(talk.frames()))
    assert [place for batch in pieces for place in batch.began] == [24, 24 + 6 * 76]
    assert [ending[1] for batch in pieces for ending in batch.done] == [24]
    assert [ending[1] for ending in last.done] == [24 + 6 * 76]
    assert [batch.last for batch in (*pieces, last)] == [False] * len(pieces) + [True]


def test_a_fault_comes_last_with_what_was_open() -> None:
    talk = Talk()
    talk.open()
    *pieces, last = batches(pcap(talk.frames()) + b"x")
    assert all(batch.fault is None for batch in pieces)
    assert str(last.fault).startswith("-: the capture ends within a packet")
    assert len(last.done) == 1

"""shares.py: together they find what one reader finds, in the same order."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from sslmagic.capture.conversation import Conversation, Counts
from sslmagic.capture.conversations import Reader
from sslmagic.capture.flow import told
from sslmagic.capture.shares import Made, Message, Work, share_of, together
from sslmagic.capture.source import Source
from tests.sslmagic.capture.acts import ACTS, framed, played
from tests.sslmagic.capture.wired import T0, ethernet, ip4, pcap, pcapng, tcp


def read(
    file: Path, count: int, made: Made | None = None
) -> tuple[list[object], Counts]:
    """What so many shares find; each is read here, and sent to nobody."""
    counts = Counts()
    with Source(file) as source:
        work = Work(
            source=source, wanted=lambda _: 20, answer=16, plain=True, made=made
        )
        shares = [_sent(share_of(work, index, count)) for index in range(count)]
        batches = [*together(work, counts, shares, number=0)]
    assert [batch.last for batch in batches] == [False] * (len(batches) - 1) + [True]
    return [
        (number, told(found, capture=str(file), number=number) if not made else found)
        for batch in batches
        for _, _, number, found in batch.done
    ], counts


def _sent(messages: Iterator[Message]) -> Iterator[Message]:
    for message in messages:
        yield marshal.loads(marshal.dumps(message))


@given(ACTS)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_in_the_file(tmp_path: Path, acts) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "a.pcapng"
    file.write_bytes(pcapng(framed(played(acts))))
    reader = Reader([file], wanted=lambda _: 20, workers=1)
    one = [(conversation.number, conversation) for conversation in reader]
    assert read(file, 3) == (one, reader.counts)


CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))


@pytest.mark.parametrize("file", CAPTURES, ids=lambda file: file.stem)
def test_every_capture(file: Path) -> None:
    def made(one: Conversation) -> tuple[str, bytes]:
        return str(one.peer), one.sent.octets

    reader = Reader([file], wanted=lambda _: 20, workers=1)
    one = [(number, found) for _, number, found in reader.each(made)]
    for count in (2, 3):
        assert read(file, count, made) == (one, reader.counts)


@pytest.mark.parametrize("written", [pcap, pcapng])
@pytest.mark.parametrize("size", [0x10, 0xF0])
def test_a_broken_segment_counts_whosever_it_is(
    tmp_path: Path, written: Callable[[list[tuple[int, bytes]]], bytes], size: int
) -> None:
    segments = [tcp((50000 + number, 443), 7, bytes(20)) for number in range(12)]
    segments[3:] = [one[:12] + bytes((size,)) + one[13:] for one in segments[3:]]
    frames = [(T0 + at, ethernet(ip4(one))) for at, one in enumerate(segments)]
    file = tmp_path / "a"
    file.write_bytes(written(frames))
    one = read(file, 1)
    assert one[1].unreadable == 9
    assert read(file, 2) == one
    assert read(file, 3) == one

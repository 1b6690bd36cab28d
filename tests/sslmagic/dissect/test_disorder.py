"""disorder.py: what arrives is the same, however it arrives."""

from __future__ import annotations

import itertools

from sslmagic.dissect import disorder
from sslmagic.dissect.exchange import Exchange, Segment

OCTETS = bytes(range(40))


def cut() -> tuple[Exchange, list[Segment]]:
    exchange = Exchange(seed=3)
    exchange.open()
    return exchange, exchange.say("peer", OCTETS, sizes=(8, 8, 8, 8))


def kept(exchange: Exchange) -> bytes:
    """What a receiver has that keeps the first of every octet."""
    stream: dict[int, int] = {}
    for segment in exchange.data():
        for at, octet in enumerate(segment.octets, segment.start):
            stream.setdefault(at, octet)
    return bytes(stream[at] for at in range(len(stream)))


def test_another_order() -> None:
    exchange, segments = cut()
    disorder.reorder(exchange, segments)
    assert sorted(exchange.data(), key=lambda one: one.start) == segments
    assert exchange.data() != segments
    assert kept(exchange) == OCTETS


def test_nothing_is_late_by_more_than_a_queue() -> None:
    exchange = Exchange(seed=1)
    exchange.open()
    segments = exchange.say("peer", bytes(200), sizes=itertools.repeat(1))
    disorder.reorder(exchange, segments)
    starts = [one.start for one in exchange.data()]
    queues = [starts[begin : begin + 64] for begin in range(0, 200, 64)]
    assert [sorted(one) for one in queues] == [
        list(range(begin, min(begin + 64, 200))) for begin in range(0, 200, 64)
    ]
    assert all(one != sorted(one) for one in queues)


def test_one_segment_has_one_order() -> None:
    exchange, segments = cut()
    disorder.reorder(exchange, segments[:1])
    assert exchange.data() == segments


def test_twice_at_once() -> None:
    exchange, segments = cut()
    disorder.duplicate(exchange, segments)
    starts = [one.start for one in exchange.data()]
    assert starts == [0, 0, 8, 8, 16, 16, 24, 24, 32, 32]
    assert kept(exchange) == OCTETS


def test_all_of_them_again() -> None:
    exchange, segments = cut()
    disorder.retransmit(exchange, segments)
    assert [one.start for one in exchange.data()] == [0, 8, 16, 24, 32] * 2
    assert exchange.data()[5].wait == 200_000_000
    assert kept(exchange) == OCTETS


def test_the_end_of_the_one_before_is_said_again() -> None:
    exchange, segments = cut()
    disorder.overlap(segments)
    data = exchange.data()
    assert [(one.start, len(one.octets)) for one in data] == [
        (0, 8),
        (5, 11),
        (13, 11),
        (21, 11),
        (29, 11),
    ]
    assert all(OCTETS[one.start : one.end] == one.octets for one in data)


def test_what_came_first_is_kept() -> None:
    exchange, segments = cut()
    disorder.conflict(exchange, segments[-1], b"\xff" * 9)
    assert exchange.data()[-1].octets == b"\xff" * 9
    assert kept(exchange) == OCTETS


def test_what_is_lost_is_not_captured() -> None:
    exchange, segments = cut()
    disorder.lose(segments[1])
    assert segments[1] not in [one for _, one in exchange.timed()]
    assert segments[1] in exchange.segments

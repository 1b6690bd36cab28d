"""exchange.py: segments of a connection, in order and in time."""

from __future__ import annotations

import pytest

from sslmagic.dissect.exchange import MSS, Exchange, other, pieces


def test_a_connection_from_its_handshake_to_its_end() -> None:
    exchange = Exchange()
    exchange.open()
    exchange.say("peer", b"hello", sizes=(1, 2))
    exchange.say("listener", b"world")
    exchange.close("peer")
    shown = [
        (one.sender[0], one.flags, one.start, one.octets, one.acknowledged)
        for one in exchange.segments
    ]
    assert shown == [
        ("p", "S", -1, b"", -1),
        ("l", "SA", -1, b"", 0),
        ("p", "A", 0, b"", 0),
        ("p", "PA", 0, b"h", 0),
        ("p", "PA", 1, b"el", 0),
        ("p", "PA", 3, b"lo", 0),
        ("l", "A", 0, b"", 5),
        ("l", "PA", 0, b"world", 5),
        ("p", "A", 5, b"", 5),
        ("p", "FA", 5, b"", 5),
        ("l", "FA", 5, b"", 6),
        ("p", "A", 6, b"", 6),
    ]


def test_a_reset_at_any_octet() -> None:
    exchange = Exchange()
    exchange.say("peer", b"hello")
    assert exchange.reset("peer").start == 5
    assert exchange.reset("listener", at=3).start == 3


def test_the_same_seed_says_the_same() -> None:
    assert Exchange(seed=7) == Exchange(seed=7)
    assert Exchange(seed=7).initial != Exchange(seed=8).initial


def test_times_go_on_behind_what_nobody_captured() -> None:
    exchange = Exchange(begins=1_000)
    first, second = exchange.say("peer", b"ab", sizes=(1,), wait=10)
    second.wait = 20
    exchange.segments[-1].wait = 5
    second.captured = False
    assert [time for time, _ in exchange.timed()] == [1_000, 1_025]
    assert next(exchange.timed())[1] is first


def test_what_is_left_goes_in_full_segments() -> None:
    octets = bytes(2 * MSS + 3)
    assert [len(one) for one in pieces(octets)] == [MSS, MSS, 3]
    assert [len(one) for one in pieces(octets, [2])] == [2, MSS, MSS, 1]
    assert pieces(b"", [1]) == []
    with pytest.raises(ValueError, match="0 octets"):
        pieces(b"ab", [0])


def test_the_other_end() -> None:
    assert (other("peer"), other("listener")) == ("listener", "peer")

"""flows.py: where conversations begin and end, and which one a segment is of."""

from __future__ import annotations

import io

import pytest

from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.conversations import Reader
from tests.sslmagic.capture.wired import FIN, RST, SYN, Talk, pcap, read

PEER, LISTENER = Endpoint("10.0.0.1", 50000), Endpoint("10.0.0.2", 443)
SECOND = 10**9


def seen(talk: Talk, *, wanted: int = 100) -> list[Conversation]:
    return read(pcap(talk.frames()), wanted=wanted)


def one(talk: Talk, *, wanted: int = 100) -> Conversation:
    (found,) = seen(talk, wanted=wanted)
    return found


def test_a_conversation_from_its_first_packet_to_its_last() -> None:
    talk = Talk()
    talk.open()
    talk.add(0, 0, b"hello")
    talk.add(1, 0, b"answer", acked=5)
    talk.close(5, 6)
    times = [time for time, _ in talk.packets]
    found = one(talk)
    assert (found.peer, found.listener, found.begun) == (PEER, LISTENER, True)
    assert (found.opened, found.accepted, found.closed) == (
        times[0],
        times[1],
        times[-1],
    )
    assert (found.sent.octets, found.answered.octets) == (b"hello", b"answer")
    assert found.sent.arrivals == [(5, times[3])]
    assert (found.sent.ends, found.answered.ends) == (True, True)
    assert (found.sent.packets, found.answered.packets) == (5, 3)
    assert (found.ended, found.ended_by) == (Ended.CLOSED, "peer")


def test_it_is_given_as_soon_as_it_has_ended() -> None:
    talk = Talk()
    talk.open()
    assert one(talk).ended is Ended.OPEN
    talk.add(1, 0, flags=FIN)
    assert (one(talk).ended, one(talk).ended_by) == (Ended.CLOSED, "listener")


class TestBeginning:
    def test_the_syn_ack_tells_as_much_as_the_syn(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"hello")
        del talk.packets[0]
        found = one(talk)
        assert (found.peer, found.begun, found.sent.octets) == (PEER, True, b"hello")

    def test_one_direction_is_enough(self) -> None:
        for side, octets in ((0, (b"hello", b"")), (1, (b"", b"answer"))):
            talk = Talk()
            talk.open()
            talk.add(0, 0, b"hello")
            talk.add(1, 0, b"answer", acked=5)
            talk.close(5, 6)
            mine = b"\x0a\0\0" + bytes((side + 1,))
            talk.packets = [one for one in talk.packets if one[1][12:16] == mine]
            found = one(talk)
            assert (found.peer, found.begun) == (PEER, True)
            assert (found.sent.octets, found.answered.octets) == octets
            assert found.ended is Ended.CLOSED

    def test_the_beginning_may_be_missing(self) -> None:
        """Who listens is a guess then."""
        talk = Talk()
        talk.add(1, 500, b"more")
        talk.add(0, 30, b"thanks", acked=504)
        found = one(talk)
        assert (found.peer, found.begun, found.accepted) == (PEER, False, None)
        assert (found.answered.octets, found.sent.octets) == (b"more", b"thanks")

    def test_a_late_syn_is_no_second_conversation(self) -> None:
        talk = Talk()
        talk.add(1, -1, flags=SYN)
        talk.add(0, -1, flags=SYN, acked=None)
        talk.add(0, 0, b"x")
        assert one(talk).sent.octets == b"x"

    def test_syns_are_sent_again(self) -> None:
        talk = Talk()
        for _ in range(3):
            talk.add(0, -1, flags=SYN, acked=None, after=SECOND)
        talk.add(1, -1, flags=SYN)
        talk.add(1, -1, flags=SYN, after=SECOND)
        found = one(talk)
        assert (found.sent.retransmitted, found.answered.retransmitted) == (2, 1)
        assert found.accepted == talk.packets[3][0]

    def test_data_in_the_syn_count_if_they_are_accepted(self) -> None:
        for accepted, octets in ((5, b"hello"), (0, b"again"), (3, b"helin")):
            talk = Talk()
            talk.add(0, -1, flags=SYN, acked=None)
            time, packet = talk.packets.pop()
            packet += b"hello"
            packet = packet[:2] + len(packet).to_bytes(2, "big") + packet[4:]
            talk.packets.append((time, packet))
            talk.add(1, -1, flags=SYN, acked=accepted)
            talk.add(0, accepted, b"again"[accepted:])
            assert one(talk).sent.octets == octets

    def test_a_syn_ack_of_something_else_is_not_believed(self) -> None:
        talk = Talk()
        talk.add(0, -1, flags=SYN, acked=None)
        talk.add(1, 99, flags=SYN, acked=1000)
        talk.add(1, -1, flags=SYN)
        talk.add(1, 0, b"banner")
        found = one(talk)
        assert found.answered.octets == b"banner"
        assert found.accepted == talk.packets[2][0]


class TestReset:
    def test_a_refused_connection(self) -> None:
        talk = Talk()
        talk.add(0, -1, flags=SYN, acked=None)
        talk.add(1, 12345, flags=RST)
        found = one(talk)
        assert (found.ended, found.ended_by) == (Ended.RESET, "listener")

    def test_the_next_octet_is_believed(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"hello")
        talk.add(0, 5, flags=RST)
        talk.add(0, 5, b"late")
        found = one(talk)
        assert (found.ended, found.ended_by) == (Ended.RESET, "peer")
        assert found.sent.octets == b"hello"

    @pytest.mark.parametrize("offset", [1 << 31, -(1 << 30) - 5])
    def test_one_out_of_the_window_is_not(self, offset: int) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, offset, flags=RST)
        assert one(talk).ended is Ended.OPEN

    def test_one_within_the_window_is_if_nothing_follows(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 50, flags=RST)
        assert one(talk).ended is Ended.RESET
        talk.add(0, 0, b"hello")
        found = one(talk)
        assert (found.ended, found.ended_by, found.sent.octets) == (
            Ended.OPEN,
            None,
            b"hello",
        )

    def test_a_reset_behind_a_fin(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, flags=FIN)
        talk.add(0, 1, flags=RST)
        assert one(talk).ended is Ended.RESET


class TestAgain:
    """The same two ports once more."""

    def test_behind_the_end(self) -> None:
        talk = Talk()
        talk.open()
        talk.close(0, 0)
        talk.isns = (77, 88)
        talk.open()
        talk.add(0, 0, b"two")
        first, second = seen(talk)
        assert (first.number, first.sent.octets) == (1, b"")
        assert (second.number, second.sent.octets) == (2, b"two")

    def test_without_an_end(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"one")
        talk.isns = (77, 88)
        talk.open()
        talk.add(0, 0, b"two")
        first, second = seen(talk)
        assert (first.sent.octets, first.ended) == (b"one", Ended.OPEN)
        assert second.sent.octets == b"two"
        assert second.opened == talk.packets[4][0]
        assert second.accepted == talk.packets[5][0]
        assert (second.sent.packets, second.answered.packets) == (3, 1)

    def test_seen_from_one_side(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"one")
        talk.isns = (777_777, 888_888)
        talk.open()
        talk.add(0, 0, b"two")
        talk.packets = [one for one in talk.packets if one[1][15] == 1]
        first, second = seen(talk)
        assert (first.sent.octets, second.sent.octets) == (b"one", b"two")

    def test_a_forged_syn_changes_nothing(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"hel")
        talk.add(0, 123_456, flags=SYN, acked=None)
        talk.add(1, 0, acked=3)
        talk.add(0, 3, b"lo")
        assert one(talk).sent.octets == b"hello"

    def test_late_packets_begin_no_other(self) -> None:
        talk = Talk()
        talk.open()
        talk.close(0, 0)
        talk.add(0, 1, acked=1)
        talk.add(1, 0, flags=FIN, acked=1)
        reader_counts(talk, late=2)


def reader_counts(talk: Talk, *, late: int) -> None:
    reader = Reader([io.BytesIO(pcap(talk.frames()))], wanted=lambda _: 100)
    assert len(list(reader)) == 1
    assert reader.counts.late == late


class TestSilence:
    """What falls silent is given up, once later packets show that time has passed."""

    @pytest.mark.parametrize(
        ("build", "seconds"),
        [
            (lambda talk: talk.add(0, -1, flags=SYN, acked=None), 180),
            (lambda talk: (talk.open(), talk.add(0, 0, flags=FIN)), 60),
            (lambda talk: talk.open(), 3600),
        ],
        ids=["no answer", "half closed", "open"],
    )
    def test_when(self, build: object, seconds: int) -> None:
        assert callable(build)
        for later, number in ((seconds - 20, 1), (seconds + 20, 2)):
            talk = Talk()
            build(talk)
            talk.add(0, 5, b"more", after=later * SECOND)
            assert len(seen(talk)) == number

    def test_the_end_is_forgotten(self) -> None:
        talk = Talk()
        talk.open()
        talk.close(0, 0)
        talk.add(0, 1, b"x", after=100 * SECOND)
        assert [one.begun for one in seen(talk)] == [True, False]


def test_data_without_an_acknowledgement_are_dropped() -> None:
    """As Linux does it."""
    talk = Talk()
    talk.open()
    talk.add(0, 0, b"XXXXX", acked=None)
    talk.add(0, 0, b"hello")
    assert one(talk).sent.octets == b"hello"


def test_what_nobody_wants_is_only_counted() -> None:
    talk = Talk()
    talk.open()
    for number in range(50):
        talk.add(0, number * 100, bytes(100))
    found = one(talk, wanted=0)
    assert (found.sent.octets, found.sent.length, found.sent.packets) == (b"", 5000, 52)

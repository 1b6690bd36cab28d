"""flows.py: where conversations begin and end, and which one a segment is of."""

from __future__ import annotations

import io

import pytest

from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Counts, Ended
from sslmagic.capture.conversations import Reader
from sslmagic.capture.flow import told
from sslmagic.capture.flows import Flows
from sslmagic.capture.frames import Frames
from sslmagic.capture.pcap import Pcap
from tests.sslmagic.capture.talks import one, seen
from tests.sslmagic.capture.wired import FIN, RST, SYN, Talk, pcap, read

SECOND = 10**9
PEER, LISTENER = Endpoint("10.0.0.1", 50000), Endpoint("10.0.0.2", 443)


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


@pytest.mark.parametrize("live", [True, False])
def test_while_it_is_open_each_growth_of_its_front_is_told_once(live: bool) -> None:
    counts = Counts()
    flows = Flows("-", wanted=lambda _: 9, answer=9, counts=counts, number=4, live=live)
    talk = Talk()
    talk.open()
    reader = Pcap(pcap([])[:24], Frames(flows, counts))
    taken = 0

    def grown() -> list[tuple[int, bytes]]:
        nonlocal taken
        octets = pcap(talk.frames()[taken:])[24:]
        taken = len(talk.packets)
        assert reader.read(octets, 0, 24) == len(octets)
        return [
            (number, told(facts, capture="-", number=number).sent.octets)
            for number, facts in flows.grown()
        ]

    assert grown() == []
    talk.add(0, 0, b"he")
    talk.add(0, 2, b"l")
    assert grown() == [(5, b"hel")] * live
    assert grown() == []
    talk.add(1, 0, b"answer", acked=3)
    talk.add(0, 5, b", world")
    assert grown() == []
    talk.add(0, 3, b"lo")
    assert grown() == [(5, b"hello, wo")] * live
    talk.add(0, 12, b"!")
    assert grown() == []
    other = Talk(ports=(50001, 443))
    other.time = talk.time
    other.open()
    other.add(0, 0, b"bye")
    other.add(0, 3, flags=RST)
    talk.packets += other.packets
    # It is over, and given as what has ended is.
    assert grown() == []
    assert len(flows.done) == 1


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
        ],
        ids=["no answer", "half closed"],
    )
    def test_when(self, build: object, seconds: int) -> None:
        assert callable(build)
        for later, number in ((seconds - 20, 1), (seconds + 20, 2)):
            talk = Talk()
            build(talk)
            talk.add(0, 5, b"more", after=later * SECOND)
            assert len(seen(talk)) == number

    @pytest.mark.parametrize("plain", [True, False])
    @pytest.mark.parametrize("sides", [(0, 1), (0,)], ids=["both", "one"])
    def test_one_that_was_open_stays_known(
        self, sides: tuple[int, ...], *, plain: bool
    ) -> None:
        """What comes of it after hours is no beginning of another."""
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"some")
        for hours in range(3):
            talk.add(0, 4 + hours, b"x", after=3620 * SECOND)
        mine = [bytes((10, 0, 0, side + 1)) for side in sides]
        talk.packets = [one for one in talk.packets if one[1][12:16] in mine]
        (found,) = read(pcap(talk.frames()), plain=plain)
        assert (found.ended, found.sent.octets) == (Ended.OPEN, b"some")
        talk.isns = (77, 88)
        talk.open()
        assert [one.begun for one in seen(talk)] == [True, True]

    @pytest.mark.parametrize("plain", [True, False])
    @pytest.mark.parametrize("first", [True, False])
    def test_one_wrong_time_changes_nothing(self, *, first: bool, plain: bool) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"hel")
        wrong = Talk(ports=(7, 7))
        wrong.add(0, 0, after=10**18)
        place = 0 if first else len(talk.packets)
        talk.packets[place:place] = wrong.packets
        talk.add(0, 3, b"lo")
        again = Talk(ports=(50001, 443))
        again.add(0, -1, flags=SYN, acked=None)
        again.add(0, 0, b"more", after=200 * SECOND)
        talk.packets += again.packets
        found = read(pcap(talk.frames()), plain=plain)
        assert [len(one.sent.octets) for one in found if one.peer != found[0].peer]
        whole = [one for one in found if one.sent.octets == b"hello"]
        assert len(whole) == 1
        # The clock goes on: one SYN was given up before its port spoke again.
        assert sum(one.peer.port == 50001 for one in found) == 2

    def test_many_open_ones_are_forgotten_the_unanswered_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sslmagic.capture.flows._MOST", 16)
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"he")
        flood = [Talk(ports=(port, 443)) for port in range(1000, 1100)]
        for talker in flood:
            talker.time = talk.time
            talker.add(0, -1, flags=SYN, acked=None)
            talk.packets += talker.packets
        talk.add(0, 2, b"llo")
        reader = Reader([io.BytesIO(pcap(talk.frames()))], wanted=lambda _: 100)
        found = list(reader)
        assert len(found) == 101
        assert [talker.sent.octets for talker in found if talker.number == 1] == [
            b"hello"
        ]
        assert 101 - 16 <= reader.counts.forgotten < 101

    def test_the_end_is_forgotten(self) -> None:
        talk = Talk()
        talk.open()
        talk.close(0, 0)
        talk.add(0, 1, b"x", after=100 * SECOND)
        assert [one.begun for one in seen(talk)] == [True, False]


def test_what_nobody_wants_is_only_counted() -> None:
    talk = Talk()
    talk.open()
    for number in range(50):
        talk.add(0, number * 100, bytes(100))
    found = one(talk, wanted=0)
    assert (found.sent.octets, found.sent.length, found.sent.packets) == (b"", 5000, 52)


@pytest.mark.parametrize("plain", [True, False])
def test_the_short_way_sees_that_a_fin_is_acknowledged(*, plain: bool) -> None:
    talk = Talk()
    talk.open()
    talk.add(0, 0, b"hello")
    talk.add(0, 5, flags=FIN)
    talk.add(1, 0, acked=6)
    # Sent again from before that came, and still it has been acknowledged.
    talk.add(1, 0, flags=FIN, acked=5)
    talk.add(0, 6, acked=1)
    talk.isns = (77_777, 88_888)
    talk.add(0, 0, b"of no conversation")
    found = read(pcap(talk.frames()), plain=plain)
    assert [(one.ended, one.sent.packets) for one in found] == [(Ended.CLOSED, 5)]

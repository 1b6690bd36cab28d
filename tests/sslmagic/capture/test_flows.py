"""flows.py: where conversations begin and end, and which one a segment is of."""

from __future__ import annotations

import io

import pytest

from sslmagic.block import Endpoint
from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.conversations import Reader
from sslmagic.capture.stream import PENDING_OCTETS
from tests.sslmagic.capture.wired import (
    FIN,
    PSH,
    RST,
    SYN,
    URG,
    Talk,
    pcap,
    read,
    summed,
)

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
        for one in flood:
            one.time = talk.time
            one.add(0, -1, flags=SYN, acked=None)
            talk.packets += one.packets
        talk.add(0, 2, b"llo")
        reader = Reader([io.BytesIO(pcap(talk.frames()))], wanted=lambda _: 100)
        found = list(reader)
        assert len(found) == 101
        assert [one.sent.octets for one in found if one.number == 1] == [b"hello"]
        assert 101 - 16 <= reader.counts.forgotten < 101

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


class Summed(Talk):
    """A conversation that has begun, with the checksums of the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        self.packets = [(time, summed(packet)) for time, packet in self.packets]

    def say(
        self,
        offset: int,
        data: bytes = b"",
        *,
        flags: int = PSH,
        change: int = 0,
        urgent: int = 0,
        acked: int = 0,
    ) -> None:
        """Let the peer send."""
        self.add(0, offset, data, flags=flags, acked=acked)
        self.sum(change=change, urgent=urgent)

    def confirm(self, acked: int, *, flags: int = 0) -> None:
        """Let the listener acknowledge."""
        self.add(1, 0, flags=flags, acked=acked)
        self.sum()

    @property
    def octets(self) -> bytes:
        """What its receiver has read, whichever way the capture is read."""
        found = [
            read(pcap(self.frames()), plain=plain)[0].sent for plain in (True, False)
        ]
        assert found[0] == found[1]
        assert found[0].missing is None
        return found[0].octets


class TestDropped:
    """Segments that every kernel drops are no part of the front."""

    @pytest.mark.parametrize(
        ("change", "acked"),
        [(0x0400, 0), (0, 1), (0, 1 << 30), (0, -1)],
        ids=["checksum", "one octet", "many octets", "before the first"],
    )
    def test_the_right_copy_is_read(self, change: int, acked: int) -> None:
        talk = Summed()
        talk.say(0, b"forged", change=change, acked=acked)
        talk.say(0, b"he")
        talk.confirm(2)
        talk.say(2, b"llo!")
        talk.confirm(6)
        assert talk.octets == b"hello!"
        talk.close(6, 0)
        assert talk.octets == b"hello!"

    def test_what_was_never_acknowledged_was_not_read(self) -> None:
        talk = Summed()
        talk.say(0, b"forged", change=0x0400)
        talk.confirm(0)
        assert talk.octets == b""

    def test_a_fin_or_a_reset_with_a_wrong_checksum_ends_nothing(self) -> None:
        for flags in (FIN, RST):
            talk = Summed()
            talk.say(0, b"he")
            talk.say(2, flags=flags, change=0x0400)
            talk.say(2, b"llo")
            talk.confirm(5)
            assert talk.octets == b"hello"
            assert one(talk).ended is Ended.OPEN

    def test_what_is_acknowledged_was_read_whatever_the_capture_says(self) -> None:
        """A capture may be changed, or lack what the listener sent."""
        for change, acked in ((0x0400, 0), (0, 300)):
            talk = Summed()
            talk.say(0, b"hel", change=change, acked=acked)
            talk.say(3, b"lo", change=change, acked=acked)
            talk.confirm(5)
            assert talk.octets == b"hello"
            assert one(talk).sent.arrivals == [
                (3, talk.packets[3][0]),
                (5, talk.packets[4][0]),
            ]

    def test_unfinished_checksums_are_those_of_network_cards(self) -> None:
        """A capture that ends before the acknowledgement; and one without any."""
        words = b"\x0a\0\0\x01\x0a\0\0\x02\0\x06\0\x19"
        unfinished = sum(words[0::2]) * 256 + sum(words[1::2])
        talk = Summed()
        talk.say(0, b"hello")
        time, packet = talk.packets[-1]
        packet = packet[:36] + unfinished.to_bytes(2, "big") + packet[38:]
        talk.packets[-1] = time, packet
        assert talk.octets == b"hello"
        talk.packets = talk.packets[::2] + talk.packets[-1:]
        assert talk.octets == b"hello"

    def test_one_direction_is_read_with_wrong_checksums_if_nothing_is_better(
        self,
    ) -> None:
        talk = Summed()
        for at in range(0, 100, 10):
            talk.say(at, bytes(10), change=0x0400)
        talk.packets = [one for one in talk.packets if one[1][15] == 1]
        assert talk.octets == bytes(100)

    def test_where_no_checksum_is_right_all_are_taken(self) -> None:
        talk = Talk()
        talk.open()
        talk.add(0, 0, b"hello")
        assert one(talk).sent.octets == b"hello"

    def test_what_is_beyond_every_window_is_none(self) -> None:
        talk = Summed()
        talk.say(PENDING_OCTETS + 1, b"x")
        talk.say(0, b"he")
        talk.confirm(2)
        talk.say(2, b"llo")
        talk.confirm(5)
        assert talk.octets == b"hello"
        talk.close(5, 0)
        assert talk.octets == b"hello"

    def test_a_gap_that_the_listener_has_too_is_none_of_the_capture(self) -> None:
        """A peer does not make itself unseen by one octet ahead of others."""
        talk = Summed()
        talk.say(0, b"he")
        talk.say(50, b"x")
        assert one(talk).sent.missing == 2
        talk.confirm(2)
        assert talk.octets == b"he"
        talk.confirm(51)
        assert one(talk).sent.missing == 2

    def test_a_gap_at_the_end_shows_by_the_listeners_fin(self) -> None:
        talk = Summed()
        talk.say(0, b"he")
        talk.confirm(5, flags=FIN)
        assert one(talk).sent.missing == 2

    def test_as_many_parts_wait_as_in_the_kernel(self) -> None:
        talk = Summed()
        stream = bytes(range(200))
        for at in (*range(199, 0, -2), *range(0, 200, 2)):
            talk.say(at, stream[at : at + 1])
        talk.confirm(200)
        assert read(pcap(talk.frames()), wanted=200)[0].sent.octets == stream


class TestUrgent:
    """An urgent octet is not read with the others."""

    @pytest.mark.parametrize(
        ("pointer", "octets"),
        [(0, b"ello"), (1, b"ello"), (3, b"helo"), (5, b"hell"), (6, b"hello")],
    )
    def test_the_octet_before_the_pointer_is_left_out(
        self, pointer: int, octets: bytes
    ) -> None:
        talk = Summed()
        talk.say(0, b"hello", flags=URG, urgent=pointer)
        assert talk.octets == octets
        talk.close(5, 0)
        found = one(talk).sent
        assert (found.octets, found.ends, found.missing) == (octets, True, None)

    def test_it_may_come_in_a_later_segment(self) -> None:
        talk = Summed()
        talk.say(0, b"h", flags=URG, urgent=3)
        talk.say(2, b"l")
        talk.say(1, b"e")
        talk.say(3, b"lo")
        assert talk.octets == b"helo"

    def test_one_that_was_there_is_not_urgent_any_more(self) -> None:
        talk = Summed()
        talk.say(0, b"hello")
        talk.say(0, b"hello", flags=URG, urgent=2)
        assert talk.octets == b"hello"

    def test_as_much_is_wanted_as_without_it(self) -> None:
        talk = Summed()
        talk.say(0, b"h0ell", flags=URG, urgent=2)
        talk.say(5, b"o!")
        assert read(pcap(talk.frames()), wanted=5)[0].sent.octets == b"hello"

    def test_a_second_one_before_the_first_came_replaces_it(self) -> None:
        talk = Summed()
        talk.say(0, b"h", flags=URG, urgent=3)
        talk.say(0, flags=URG, urgent=5)
        talk.say(1, b"ello")
        assert talk.octets == b"hell"

    def test_which_of_two_is_read_nobody_can_tell(self) -> None:
        talk = Summed()
        talk.say(0, b"hel", flags=URG, urgent=2)
        talk.say(3, b"lo", flags=URG, urgent=1)
        found = one(talk).sent
        assert (found.octets, found.missing) == (b"h", 1)


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

"""transport.py: what a segment does, as far as a kernel believes it."""

from __future__ import annotations

import pytest

from sslmagic.capture.conversation import Ended
from tests.sslmagic.capture.talks import Summed, one
from tests.sslmagic.capture.wired import FIN, RST, SYN, URG, Talk, pcap, read


def test_data_without_an_acknowledgement_are_dropped() -> None:
    """As Linux does it."""
    talk = Talk()
    talk.open()
    talk.add(0, 0, b"XXXXX", acked=None)
    talk.add(0, 0, b"hello")
    assert one(talk).sent.octets == b"hello"


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

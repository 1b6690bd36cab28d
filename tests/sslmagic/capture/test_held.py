"""held.py: what a kernel would drop, unless its receiver acknowledges it."""

from __future__ import annotations

import pytest

from sslmagic.capture.conversation import Ended
from sslmagic.capture.stream import PENDING_OCTETS
from tests.sslmagic.capture.talks import Summed, one
from tests.sslmagic.capture.wired import FIN, RST, Talk, pcap, read


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

"""link.py: where IP begins, for each link type."""

from __future__ import annotations

import pytest

from sslmagic.capture.link import LINKS, link_name
from tests.sslmagic.capture.wired import ethernet, ip4, ip6

IP4, IP6 = ip4(b"x"), ip6(b"x")


@pytest.mark.parametrize("packet", [IP4, IP6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("link", "before"),
    [
        (0, {4: b"\x02\0\0\0", 6: b"\x1e\0\0\0"}),
        (0, {4: b"\0\0\0\x02", 6: b"\0\0\0\x18"}),
        (108, {4: b"\0\0\0\x02", 6: b"\0\0\0\x1c"}),
        (9, {4: b"\xff\x03\0\x21", 6: b"\0\x57"}),
        (50, {4: b"\0\x21", 6: b"\xff\x03\0\x57"}),
        *((link, {4: b"", 6: b""}) for link in (12, 14, 101, 228, 229)),
        (113, {4: bytes(14) + b"\x08\0", 6: bytes(14) + b"\x86\xdd"}),
        (276, {4: b"\x08\0" + bytes(18), 6: b"\x86\xdd" + bytes(18)}),
        (1, {4: bytes(12) + b"\x08\0", 6: bytes(12) + b"\x86\xdd"}),
        (
            1,
            {
                v: bytes(12) + b"\x88\x64\x11\0\0\x01\0\0" + b
                for v, b in ((4, b"\0\x21"), (6, b"\0\x57"))
            },
        ),
    ],
)
def test_ip_is_found(link: int, before: dict[int, bytes], packet: bytes) -> None:
    head = before[packet[0] >> 4]
    data = b"???" + head + packet
    assert LINKS[link](data, 3, len(data)) == (3 + len(head), b"")


def test_vlans_may_be_stacked_and_their_priorities_are_no_part_of_them() -> None:
    frame = ethernet(IP6, vlans=[(0x88A8, 0xE123), (0x8100, 0x0042)])
    assert LINKS[1](frame, 0, len(frame)) == (22, b"\x01\x23\0\x42")


def test_cooked_frames_have_vlans_too() -> None:
    frame = bytes(14) + b"\x81\0\0\x07\x08\0" + IP4
    assert LINKS[113](frame, 0, len(frame)) == (20, b"\0\x07")
    frame = b"\x81\0" + bytes(18) + b"\0\x07\x08\0" + IP4
    assert LINKS[276](frame, 0, len(frame)) == (24, b"\0\x07")


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, bytes(12) + b"\x08\x06" + bytes(46)),
        (1, bytes(12) + b"\x00\x26" + bytes(46)),
        (113, bytes(14) + b"\x08\x06" + bytes(28)),
        (276, b"\x08\x06" + bytes(46)),
        (0, b"\x07\0\0\0" + bytes(20)),
        (101, b"\x00" + bytes(20)),
        (9, b"\xc0\x21" + bytes(20)),
    ],
)
def test_what_is_no_ip_is_none(link: int, frame: bytes) -> None:
    assert LINKS[link](frame, 0, len(frame)) is None


@pytest.mark.parametrize("link", sorted(LINKS))
def test_a_frame_may_end_in_its_header(link: int) -> None:
    with pytest.raises(ValueError, match="the frame"):
        LINKS[link](b"\x08\0", 0, 1 if link not in (12, 14, 101, 228, 229) else 0)


def test_a_frame_may_end_in_a_tag() -> None:
    frame = bytes(12) + b"\x81\0\0"
    with pytest.raises(ValueError, match="VLAN"):
        LINKS[1](frame, 0, len(frame))


def test_an_unread_link_type_has_a_name_where_it_is_common() -> None:
    assert link_name(127) == "link type 127 (802.11 with radiotap)"
    assert link_name(999) == "link type 999"

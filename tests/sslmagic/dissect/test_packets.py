"""packets.py: scapy takes every packet apart again, on every link."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from scapy.config import conf
from scapy.layers.inet import IP, TCP, defragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, defragment6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Padding

from sslmagic.block import Endpoint
from sslmagic.dissect.exchange import Exchange
from sslmagic.dissect.packets import LINKS, Link, Path, packed, packets

ENDS4 = Endpoint("192.0.2.2", 40112), Endpoint("192.0.2.10", 8443)
ENDS6 = Endpoint("2001:db8:b::2", 40112), Endpoint("2001:db8:b::10", 8443)
# scapy types neither.
together: Any = defragment
together6: Any = defragment6

every_family = pytest.mark.parametrize("ends", [ENDS4, ENDS6], ids=["ipv4", "ipv6"])


def exchange() -> Exchange:
    made = Exchange(seed=5)
    made.open()
    made.say("peer", bytes(range(100)), sizes=(1, 30))
    made.say("listener", b"answer")
    made.close("peer")
    return made


def path(ends: tuple[Endpoint, Endpoint], **more: Any) -> Path:
    return Path(peer=ends[0], listener=ends[1], **more)


def dissected(link: Link, octets: bytes) -> Any:
    if link in ("null", "loop"):
        # scapy knows the number that IPv6 has on the system that it runs on, no other.
        order: Literal["little", "big"] = "little" if link == "null" else "big"
        return {2: IP, 30: IPv6}[int.from_bytes(octets[:4], order)](octets[4:])
    return conf.l2types.num2layer[LINKS[link]](octets)


@every_family
@pytest.mark.parametrize("link", LINKS)
def test_scapy_reads_what_was_said(link: Link, ends: tuple[Endpoint, Endpoint]) -> None:
    made, said, began = exchange(), {"peer": b"", "listener": b""}, None
    for time, octets, _ in packets(made, path(ends, link=link)):
        packet = dissected(link, octets)
        header = packet[IPv6] if ":" in ends[0].host else packet[IP]
        tcp = packet[TCP]
        sender = "peer" if tcp.sport == ends[0].port else "listener"
        pair = ends if sender == "peer" else ends[::-1]
        assert (header.src, header.dst) == (pair[0].host, pair[1].host)
        if Padding in tcp:
            tcp[Padding].underlayer.remove_payload()
        said[sender] += bytes(tcp.payload)
        began = began or time
        # Built anew without its checksums, it gets the same ones.
        again = header.copy()
        del again[TCP].chksum
        assert bytes(again) == bytes(header)
    assert said == {key: bytes(value) for key, value in made.said.items()}
    assert began == made.begins


def test_a_short_frame_is_padded() -> None:
    assert {len(one.octets) for one in packets(exchange(), path(ENDS4))} >= {66, 74}
    made = Exchange()
    made.reset("peer")
    (frame,) = packets(made, path(ENDS4))
    assert len(frame.octets) == 66
    assert min(len(one.octets) for one in packets(made, path(ENDS4))) >= 60


def test_tags_stand_outermost_first() -> None:
    frame = next(packets(exchange(), path(ENDS4, vlans=(100, 10))))
    packet = Ether(frame.octets)
    assert (packet[Dot1AD].vlan, packet[Dot1Q].vlan) == (100, 10)
    assert (packet.type, packet[TCP].dport) == (0x88A8, 8443)


@every_family
def test_fragments_are_the_same_packet_in_parts(
    ends: tuple[Endpoint, Endpoint],
) -> None:
    made = Exchange()
    made.say("peer", bytes(range(200)))
    whole = [one.octets for one in packets(made, path(ends, link="raw"))]
    parts = [one.octets for one in packets(made, path(ends, link="raw", fragments=64))]
    assert len(parts) > len(whole)
    v6 = ":" in ends[0].host
    layers = [IPv6(one) if v6 else IP(one) for one in parts]
    first = [one for one in layers if one.src == ends[0].host]
    if v6:
        assert all(IPv6ExtHdrFragment in one for one in first)
        assert bytes(together6(first)[TCP]) == bytes(IPv6(whole[0])[TCP])
    else:
        assert [one.flags.MF for one in first] == [True] * (len(first) - 1) + [False]
        (put_together,) = together(first)
        assert bytes(put_together[TCP]) == bytes(IP(whole[0])[TCP])


def test_sequence_numbers_wrap() -> None:
    made = Exchange(initial={"peer": 2**32 - 3, "listener": 2**32 - 1})
    made.open()
    made.say("peer", b"hello", sizes=(4,))
    tcps = [IP(one.octets)[TCP] for one in packets(made, path(ENDS4, link="raw"))]
    assert [one.seq for one in tcps] == [
        2**32 - 3,
        2**32 - 1,
        2**32 - 2,
        2**32 - 2,
        2,
        0,
    ]
    assert [one.ack for one in tcps] == [0, 2**32 - 2, 0, 0, 0, 3]


def test_several_exchanges_share_one_clock() -> None:
    one, two = exchange(), exchange()
    two.begins = one.begins + 50_000
    times = [packet.time for packet in packed([(one, path(ENDS4)), (two, path(ENDS6))])]
    assert times == sorted(times)
    assert len(times) == len(list(one.timed())) * 2


@pytest.mark.parametrize(
    ("ends", "more"),
    [((ENDS4[0], ENDS6[1]), {}), (ENDS4, {"vlans": (1,), "link": "raw"})],
)
def test_what_cannot_be(ends: tuple[Endpoint, Endpoint], more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no common IP|no VLANs"):
        path(ends, **more)

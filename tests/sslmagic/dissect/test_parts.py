"""Packets within a packet: they fill their part, and nothing else."""

from __future__ import annotations

from scapy.packet import Raw

from sslmagic.dissect.scapy_layer import MAGIC, TLV, AuthorityTLV
from tests.sslmagic.dissect.layers import rebuilt


def test_octets_that_are_left_over_stay() -> None:
    octets = bytes(MAGIC(tlvs=[AuthorityTLV()], unread=b"\x01\x00"))
    layer = MAGIC(octets)
    assert [type(part) for part in layer.tlvs] == [AuthorityTLV, Raw]
    assert rebuilt(layer) == octets


def test_a_tlv_that_claims_too_much_ends_with_the_part() -> None:
    octets = bytes(MAGIC(tlvs=[TLV(value=b"ab", length=99)])) + b"behind"
    layer = MAGIC(octets)
    assert (layer.tlvs[0].length, layer.tlvs[0].value) == (99, b"ab")
    assert layer.payload.load == b"behind"


def test_the_tag_is_left() -> None:
    octets = bytes(MAGIC(profile=2, tlvs=[AuthorityTLV()], tag=b"t" * 64))
    layer = MAGIC(octets)
    assert len(layer.tlvs) == 1
    assert layer.tag == b"t" * 64


def test_a_part_knows_what_it_is_in() -> None:
    layer = MAGIC(bytes(MAGIC(tlvs=[AuthorityTLV()])))
    assert layer.tlvs[0].parent is layer

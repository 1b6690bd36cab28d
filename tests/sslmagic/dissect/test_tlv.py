"""A TLV by itself: its length, its type and its value."""

from __future__ import annotations

from scapy.packet import Raw

from sslmagic.dissect.scapy_layer import CRC32CTLV, TLV, AuthorityTLV, Cut
from sslmagic.dissect.tlv import head


def test_the_length_is_computed_or_as_it_stands() -> None:
    assert bytes(AuthorityTLV(value=b"ab")).hex() == "0200026162"
    assert bytes(AuthorityTLV(value=b"ab", length=9)).hex() == "0200096162"
    assert bytes(TLV(type=0, length=0)).hex() == "000000"


def test_text_is_taken_as_utf_8() -> None:
    assert bytes(AuthorityTLV(value="ä")).hex() == "020002c3a4"


def test_the_type_is_shown_with_its_name() -> None:
    assert "AUTHORITY (0x2)" in str(AuthorityTLV().show(dump=True))
    assert "= 0xe7" in str(TLV().show(dump=True))


def test_what_stands_behind_it_is_no_part_of_it() -> None:
    layer = AuthorityTLV(bytes.fromhex("0200026162ffff"))
    assert layer.value == b"ab"
    assert layer[Raw].load == b"\xff\xff"


def test_a_value_that_is_too_short_is_kept() -> None:
    layer = CRC32CTLV(bytes.fromhex("0300020102"))
    assert layer.value == Cut(b"\x01\x02")
    layer.clear_cache()
    assert bytes(layer).hex() == "0300020102"


def test_a_checksum_alone_is_zero() -> None:
    assert bytes(CRC32CTLV()).hex() == "03000400000000"


def test_the_head_is_type_and_length() -> None:
    assert [field.name for field in head(7)] == ["type", "length"]

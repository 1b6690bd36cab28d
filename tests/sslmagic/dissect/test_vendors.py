"""Vendors' TLVs, octet by octet."""

from __future__ import annotations

from sslmagic.dissect.scapy_layer import (
    AWSTLV,
    TLV,
    AzureTLV,
    GoogleTLV,
    HitchTLV,
    IstioTLV,
    ProofTLV,
    TeleportTLV,
)
from sslmagic.dissect.total import NOTHING


def test_amazons() -> None:
    assert bytes(AWSTLV(value=b"vpce-1")).hex() == "ea000701" + b"vpce-1".hex()


def test_azures_is_little_endian() -> None:
    assert bytes(AzureTLV(value=0x01020304)).hex() == "ee00050104030201"


def test_googles_is_big_endian() -> None:
    assert bytes(GoogleTLV(value=0x0102)).hex() == "e000080000000000000102"


def test_hitchs_has_googles_number() -> None:
    assert bytes(HitchTLV())[0] == bytes(GoogleTLV())[0]


def test_istios_and_teleports() -> None:
    assert bytes(IstioTLV(value=b"spiffe://a"))[3:] == b"spiffe://a"
    assert bytes(TeleportTLV(value=b"\0\1")) == b"\xe4\0\2\0\1"


def test_a_proof_is_nine_words() -> None:
    octets = bytes(ProofTLV(key_id=7, source="203.0.113.9", mac="AB"))
    said = b"v1|7|0|web.example|203.0.113.9|51234|192.0.2.2|443|AB"
    assert octets[3:] == said
    layer = ProofTLV(octets)
    assert (layer.key_id, layer.source, layer.mac) == (7, "203.0.113.9", "AB")


def test_a_number_that_is_not_canonical_stays_text() -> None:
    layer = ProofTLV(bytes(TLV(type=0xE5, value=b"v1|07|0|a|b|1|c|2|M")))
    assert layer.key_id == "07"
    layer.clear_cache()
    assert bytes(layer)[3:] == b"v1|07|0|a|b|1|c|2|M"


def test_words_that_are_missing_are_nothing() -> None:
    layer = ProofTLV(bytes(TLV(type=0xE5, value=b"v1|7")))
    assert layer.created == layer.mac == NOTHING
    layer.clear_cache()
    assert bytes(layer)[3:] == b"v1|7"

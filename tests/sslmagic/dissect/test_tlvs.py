"""TLVs by name, and the one at the front of octets."""

from __future__ import annotations

import pytest
from scapy.packet import Raw

from sslmagic import tlv
from sslmagic.dissect.scapy_layer import MAGIC, SSLTLV, TLV, TLVS, PROXYv2, VersionTLV
from sslmagic.dissect.tlvs import front_tlv
from sslmagic.registry import STANDARD, meaning_named
from tests.sslmagic.dissect.layers import rebuilt


def test_every_type_of_the_registry_has_a_class() -> None:
    names = {meaning.name for meaning in STANDARD.values()}
    assert names <= set(TLVS)
    for name, kind in TLVS.items():
        assert kind().type == meaning_named(name).type
        assert kind().name == name


@pytest.mark.parametrize("name", TLVS)
def test_a_class_says_what_the_registry_reads(name: str) -> None:
    octets = bytes(TLVS[name]())
    assert front_tlv(octets) == (TLVS[name], len(octets))
    assert tlv.TLV(octets[0], octets[3:]).name == name
    layer = PROXYv2(bytes(PROXYv2(tlvs=[TLVS[name]()])))
    assert type(layer.tlvs[0]) is TLVS[name]
    assert rebuilt(layer.tlvs[0])[:3] == octets[:3]


@pytest.mark.parametrize(
    ("octets", "kind", "length"),
    [
        ("01", Raw, 1),
        ("0100", Raw, 2),
        ("010003", TLV, 3),
        ("0100036832", TLV, 5),
        ("0300030000 00", TLV, 6),
        ("2000040000 0000", TLV, 7),
        ("e50002317c", TLV, 5),
        ("e00001ff", TLV, 4),
        ("ee000402000000", TLV, 7),
        ("070001ff00", TLV, 4),
    ],
)
def test_another_shape_is_a_plain_one(octets: str, kind: type, length: int) -> None:
    assert front_tlv(bytes.fromhex(octets)) == (kind, length)


def test_an_ssl_tlv_holds_tlvs() -> None:
    octets = bytes(SSLTLV(client="SSL+CERT_CONN", verify=7, tlvs=[VersionTLV()]))
    assert octets.hex() == "20000f030000000721" + "0007" + b"TLSv1.3".hex()
    layer = SSLTLV(octets)
    assert (str(layer.client), layer.verify) == ("SSL+CERT_CONN", 7)
    assert layer.tlvs[0].value == b"TLSv1.3"


def test_there_is_no_further_nesting() -> None:
    inner = SSLTLV(tlvs=[SSLTLV(tlvs=[VersionTLV()])])
    layer = MAGIC(bytes(MAGIC(tlvs=[inner])))
    assert type(layer.tlvs[0].tlvs[0]) is TLV
    assert rebuilt(layer) == bytes(MAGIC(tlvs=[inner]))

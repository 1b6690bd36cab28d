"""anatomy/tlvs.py: TLVs, what they hold, and where they break."""

from __future__ import annotations

from sslmagic.anatomy import REST, UNREAD, anatomy
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV
from sslmagic.wire import encode

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
BARE = encode(Preamble(source=CLIENT, destination=HERE), "proxy2")
NAMED = Preamble(
    source=CLIENT, destination=HERE, tlvs=[TLV.parse("AUTHORITY", "shop.example")]
)


def rows(tlv: TLV) -> list[tuple[int, str, str, str]]:
    """The rows of a PROXY v2 preamble from its first TLV on."""
    octets = encode(Preamble(source=CLIENT, destination=HERE, tlvs=[tlv]), "proxy2")
    return [
        (
            field.offset,
            "  " * field.level + field.name,
            field.octets.hex(),
            field.meaning,
        )
        for field in anatomy(octets)[len(anatomy(BARE)) :]
    ]


def test_tlvs_inside_a_tlv() -> None:
    tlv = TLV.parse("SSL", "client=SSL+CERT_CONN,verify=18,VERSION=TLSv1.3")
    assert rows(tlv) == [
        (28, "TLV type", "20", "SSL"),
        (29, "  length", "000f", "15 octets follow"),
        (31, "  client", "03", "over TLS, certificate in this connection"),
        (32, "  verify", "00000012", "error 18"),
        (36, "  TLV type", "21", "SSL_VERSION"),
        (37, "    length", "0007", "7 octets follow"),
        (39, "    value", b"TLSv1.3".hex(), "TLSv1.3"),
    ]


def test_a_certificate_that_was_verified() -> None:
    tlv = TLV.parse("SSL", "client=SSL+CERT_SESS,verify=0")
    assert [meaning for *_, meaning in rows(tlv)][2:] == [
        "over TLS, in this session",
        "0: verified, if there was a certificate",
    ]


def test_padding() -> None:
    assert rows(TLV.parse("NOOP", "3")) == [
        (28, "TLV type", "04", "NOOP"),
        (29, "  length", "0003", "3 octets follow"),
        (31, "  value", "000000", "padding"),
    ]


def test_without_a_value() -> None:
    assert rows(TLV.parse("NOOP", "0")) == [
        (28, "TLV type", "04", "NOOP"),
        (29, "  length", "0000", "0 octets follow"),
    ]


def test_what_only_octets_can_say() -> None:
    assert rows(TLV.parse("0xE9", "00"))[2] == (31, "  value", "00", "")


def test_a_number() -> None:
    assert rows(TLV.parse("GCP_PSC_ID", "7"))[2][3] == "7"


def test_a_checksum_that_does_not_match() -> None:
    octets = bytearray(encode(NAMED, "proxy2", crc32c=True))
    octets[-1] ^= 1
    right = encode(NAMED, "proxy2", crc32c=True)[-4:].hex()
    assert anatomy(bytes(octets))[-1].meaning == f"does not match: {right}"


def test_a_checksum_over_octets_that_are_missing_is_not_judged() -> None:
    tlvs = [TLV.parse("CRC32C", "00000000"), TLV.parse("UNIQUE_ID", "request-7")]
    octets = encode(Preamble(source=CLIENT, destination=HERE, tlvs=tlvs), "proxy2")
    assert anatomy(octets)[10].meaning == "matches"
    assert anatomy(octets[:-1])[10].meaning == octets[31:35].hex()


def test_a_tlv_that_overruns_the_one_around_it() -> None:
    """What is lost ends with the preamble, not with the TLV that was lost in."""
    inside = bytes.fromhex("20 0009 01 00000000 21 00ff aa".replace(" ", ""))
    octets = BARE[:14] + b"\0\x1b" + BARE[16:] + inside + b"\x04\0\0" + b"TLS"
    assert [(field.offset, field.name) for field in anatomy(octets)][-2:] == [
        (40, UNREAD),
        (43, REST),
    ]

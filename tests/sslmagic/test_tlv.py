"""tlv.py: TLVs fill their room, stand where they may, hold what they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.tlv import SSL, TLV, Type, fits_magic, pack_tlvs, parse_tlvs


def parsed(octets: bytes, *, strict: bool = False) -> tuple[TLV, ...]:
    return parse_tlvs(octets, 0, len(octets), strict=strict)


@given(st.lists(st.tuples(st.integers(0xF0, 0xFF), st.binary(max_size=40))))
def test_unknown_types_pass_through(pairs: list[tuple[int, bytes]]) -> None:
    tlvs = tuple(TLV(*pair) for pair in pairs)
    assert parsed(pack_tlvs(tlvs, strict=True), strict=True) == tlvs


@pytest.mark.parametrize(
    ("wire", "offset", "says"),
    [
        ("f0", 0, "1 octets are left over"),
        ("f00000f1", 3, "1 octets are left over"),
        ("f00000f100", 3, "2 octets are left over"),
        ("f00002ff", 1, "claims 2 octets of 1"),
        ("000000", 0, "type 0"),
        ("01000168010001 68", 4, "only once"),
        ("210001 61", 0, "outside"),
        ("050000", 3, "0 octets, where 1 to 128"),
        ("010000", 3, "0 octets"),
        ("0300 03 000000", 3, "3 octets, where 4 to 4"),
        ("020002 c328", 3, "no UTF-8"),
        ("200004 00000000", 3, "4 octets, where 5"),
        ("200009 0000000000 01000168", 8, "inside"),
        ("200008 0000000000 200000", 8, "inside"),
        ("20000b 0000000000 210001 61 21 00", 12, "left over"),
        ("20000d 0000000000 21000161 21000162", 12, "only once"),
    ],
)
def test_refused_where_it_is_wrong(wire: str, offset: int, says: str) -> None:
    with pytest.raises(DecodeError, match=says) as caught:
        parsed(bytes.fromhex(wire))
    assert caught.value.reason is Reason.TLV
    assert caught.value.offset == offset


def test_offsets_count_from_the_start_of_the_stream() -> None:
    with pytest.raises(DecodeError) as caught:
        parse_tlvs(b"head\xf0", 4, 5, strict=False)
    assert caught.value.offset == 4


def test_nothing_behind_the_end_is_read() -> None:
    assert parse_tlvs(b"\xf0\0\1a\xf1", 0, 4, strict=False) == ((0xF0, b"a"),)


@pytest.mark.parametrize(
    ("tlv", "fits"),
    [
        (TLV(Type.AUTHORITY, b"shop.example"), True),
        (TLV(Type.AUTHORITY, b"a_b.example"), False),
        (TLV(Type.AUTHORITY, b"a" * 253), True),
        (TLV(Type.AUTHORITY, b"a" * 254), False),
        (TLV(Type.ALPN, b"h2"), True),
        (TLV(Type.ALPN, b"\n\n"), False),
        (TLV(Type.UNIQUE_ID, bytes(128)), True),
    ],
)
def test_magic_asks_more_of_names(tlv: TLV, fits: bool) -> None:
    assert fits_magic(tlv) is fits
    wire = pack_tlvs([tlv], strict=False)
    assert parsed(wire) == (tlv,)
    if not fits:
        with pytest.raises(DecodeError):
            parsed(wire, strict=True)
        with pytest.raises(EncodeError):
            pack_tlvs([tlv], strict=True)


@pytest.mark.parametrize(
    ("tlvs", "says"),
    [
        ([TLV(256, b"")], "one octet"),
        ([TLV(0, b"")], "type 0"),
        ([TLV(1, b"h2"), TLV(1, b"h3")], "only once"),
        ([TLV(1, b"")], "0 octets"),
        ([TLV(0xF0, bytes(65536))], "too long"),
    ],
)
def test_what_cannot_be_packed(tlvs: list[TLV], says: str) -> None:
    with pytest.raises(EncodeError, match=says):
        pack_tlvs(tlvs, strict=False)


def test_a_broken_ssl_value_is_not_packed() -> None:
    with pytest.raises(EncodeError, match="0x20: 1 octets are left over"):
        pack_tlvs([TLV(Type.SSL, bytes(5) + b"\x21")], strict=False)


def test_ssl_both_ways() -> None:
    ssl = SSL(5, 0, (TLV(Type.SSL_VERSION, b"TLSv1.3"), TLV(Type.SSL_CN, b"alice")))
    assert SSL.unpack(ssl.pack()) == ssl
    tlv = TLV(Type.SSL, ssl.pack())
    assert parsed(pack_tlvs([tlv], strict=True), strict=True) == (tlv,)
    assert tlv.said == {
        "client": ["SSL", "CERT_SESS"],
        "verify": 0,
        "tlvs": [
            {
                "type": 0x21,
                "name": "SSL_VERSION",
                "value": "TLSv1.3",
                "hex": b"TLSv1.3".hex(),
            },
            {"type": 0x22, "name": "SSL_CN", "value": "alice", "hex": b"alice".hex()},
        ],
    }


def test_an_ssl_value_has_five_octets() -> None:
    with pytest.raises(DecodeError, match="at least 5"):
        SSL.unpack(bytes(4))


@pytest.mark.parametrize("ssl", [SSL(256, 0, ()), SSL(0, 1 << 32, ())])
def test_ssl_numbers_have_a_range(ssl: SSL) -> None:
    with pytest.raises(EncodeError, match="8 bits"):
        ssl.pack()


@pytest.mark.parametrize(
    ("name", "text", "tlv"),
    [
        ("AUTHORITY", "shop.example", TLV(2, b"shop.example")),
        ("authority", "hex:6162", TLV(2, b"ab")),
        ("0xE7", "00ff", TLV(0xE7, b"\x00\xff")),
        ("NOOP", "2", TLV(4, b"\0\0")),
        (
            "SSL",
            "client=SSL+CERT_CONN,verify=0x1,VERSION=TLSv1.3,SSL_CN=alice",
            TLV(0x20, SSL(3, 1, (TLV(0x21, b"TLSv1.3"), TLV(0x22, b"alice"))).pack()),
        ),
    ],
)
def test_people_write_tlvs(name: str, text: str, tlv: TLV) -> None:
    assert TLV.parse(name, text) == tlv


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NONE", "x"),
        ("AUTHORITY", ""),
        ("AUTHORITY", "hex:6"),
        ("UNIQUE_ID", "x" * 129),
        ("SSL", "client"),
        ("SSL", "client=TLS"),
        ("SSL", "verify=-1"),
        ("SSL", "VERSIONS=1"),
        ("SSL", "hex:0000000000ff"),
        ("NOOP", "65536"),
    ],
)
def test_people_write_wrong_tlvs(name: str, text: str) -> None:
    with pytest.raises(EncodeError):
        TLV.parse(name, text)


def test_names_and_values_for_people() -> None:
    assert TLV(2, b"shop.example").name == "AUTHORITY"
    assert TLV(2, b"shop.example").said == "shop.example"
    assert TLV(0xE7, b"\0").name == "0xE7"
    assert TLV(0xE7, b"\0").said is None

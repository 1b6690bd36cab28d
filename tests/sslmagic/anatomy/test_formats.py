"""anatomy/formats.py: every octet once, in anything, and the words people read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.anatomy import REST, UNREAD, Field, anatomy
from sslmagic.decoder import decode
from sslmagic.errors import DecodeError
from sslmagic.preamble import Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import encode
from tests.vectors.vector import Vector, raw, vectors

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
NAMED = Preamble(
    source=CLIENT, destination=HERE, tlvs=[TLV.parse("AUTHORITY", "shop.example")]
)
VALID = [vector for vector in vectors() if vector.valid]
REFUSED = [vector for vector in vectors() if not vector.valid]
SIGNED = [bytes.fromhex(t["wire"]) for t in raw("proof") if t["result"] == "valid"]


def covers(octets: bytes) -> tuple[Field, ...]:
    """The fields of *octets*, having checked that they are all of them, once."""
    fields = anatomy(octets)
    at = 0
    for field in fields:
        assert field.offset == at
        assert field.octets
        assert field.meaning.isprintable()
        at += len(field.octets)
    assert b"".join(field.octets for field in fields) == octets
    return fields


def rows(octets: bytes) -> list[tuple[int, str, str, str]]:
    return [
        (
            field.offset,
            "  " * field.level + field.name,
            field.octets.hex(),
            field.meaning,
        )
        for field in anatomy(octets)
    ]


def test_magic() -> None:
    assert rows(encode(NAMED, "magic", crc32c=True)) == [
        (0, "content type", "cd", "MAGIC, unassigned in TLS"),
        (1, "record version", "0303", "as TLS 1.2 has it"),
        (3, "length", "0029", "41 octets follow"),
        (5, "signature", "4d414749", "MAGI"),
        (9, "version, command", "11", "version 1, PROXY"),
        (10, "family, transport", "11", "TCP4"),
        (11, "profile", "00", "unsigned"),
        (12, "source", "cb007109", "203.0.113.9"),
        (16, "destination", "c6336402", "198.51.100.2"),
        (20, "source port", "c822", "51234"),
        (22, "destination port", "01bb", "443"),
        (24, "TLV type", "02", "AUTHORITY"),
        (25, "  length", "000c", "12 octets follow"),
        (27, "  value", b"shop.example".hex(), "shop.example"),
        (39, "TLV type", "03", "CRC32C"),
        (40, "  length", "0004", "4 octets follow"),
        (42, "  value", "ac0297a5", "matches"),
    ]


def test_proxy1() -> None:
    assert rows(b"PROXY TCP4 203.0.113.9 198.51.100.2 51234 443\r\nrest") == [
        (0, "signature", b"PROXY ".hex(), "PROXY v1"),
        (6, "family", b"TCP4 ".hex(), "TCP4"),
        (11, "source", b"203.0.113.9 ".hex(), "203.0.113.9"),
        (23, "destination", b"198.51.100.2 ".hex(), "198.51.100.2"),
        (36, "source port", b"51234 ".hex(), "51234"),
        (42, "destination port", b"443".hex(), "443"),
        (45, "end of line", "0d0a", "CR LF"),
        (47, REST, b"rest".hex(), ""),
    ]


def test_proxy1_unknown_is_ignored_up_to_its_end() -> None:
    assert rows(b"PROXY UNKNOWN a b\r\n") == [
        (0, "signature", b"PROXY ".hex(), "PROXY v1"),
        (6, "family", b"UNKNOWN ".hex(), "UNKNOWN"),
        (14, "addresses", b"a b".hex(), "ignored: UNKNOWN"),
        (17, "end of line", "0d0a", "CR LF"),
    ]


def test_proxy2_local_is_not_looked_into() -> None:
    """proxy-protocol.txt 2.2: its block is discarded "including the family"."""
    (vector,) = (
        v for v in VALID if v.wire.hex().startswith("0d0a0d0a000d0a515549540a20110054")
    )
    assert [field.name for field in anatomy(vector.wire)] == [
        "signature",
        "version, command",
        "family, transport",
        "length",
        "body",
    ]


def test_a_unix_path_ends_where_the_zeros_begin() -> None:
    preamble = Preamble(source=UnixEndpoint("/run/a"), destination=UnixEndpoint(""))
    assert [
        (field.name, field.level, len(field.octets), field.meaning)
        for field in anatomy(encode(preamble))[7:]
    ] == [
        ("source path", 0, 6, "/run/a"),
        ("padding", 1, 102, "zeros"),
        ("destination path", 0, 108, "unnamed"),
    ]


def test_a_path_of_108_octets_has_no_padding() -> None:
    preamble = Preamble(source=UnixEndpoint("/" * 108), destination=UnixEndpoint(""))
    assert [len(field.octets) for field in anatomy(encode(preamble))[7:]] == [108, 108]


def test_a_mapped_address_is_said_to_be_one() -> None:
    octets = encode(Preamble(source=CLIENT, destination=("2001:db8::1", 443)))
    assert anatomy(octets)[7].meaning == "203.0.113.9 (IPv4-mapped)"


@pytest.mark.parametrize(
    ("octets", "last"),
    [
        (encode(NAMED)[:29], (27, "value", "cut short: 2 of 12 octets")),
        (encode(NAMED)[:24], (22, "destination port", "443")),
        (encode(NAMED)[:4], (3, "length", "cut short: 1 of 2 octets")),
        (b"\xcd\x03\x01", (1, "record version", "a preamble has 03 03 here")),
        (b"\xcd\x03\x03\x00\x07MAGI\x12\0\0", (10, UNREAD, "")),
        (b"\xcd\x03\x03\x00\x07MAGI\x11\x13\0", (11, UNREAD, "")),
        (b"\xcd\x03\x03\x00\x07MAGI\x11\x11\x07", (11, "profile", "not defined")),
        (b"PROXY TCP4 1.2.3.4 ", (11, "source", "1.2.3.4")),
        (b"PROXY TCP4 a b c d e\r\n", (20, "end of line", "CR LF")),
        (b"PROXY TCP4 " + b"1" * 100, (107, UNREAD, "")),
        (b"POST /", (0, "signature", "a preamble has 50 52 4F 58 59 20 here")),
        (b"GET / HTTP/1.1\r\n", (0, UNREAD, "")),
    ],
)
def test_the_front_of_what_is_no_preamble(
    octets: bytes, last: tuple[int, str, str]
) -> None:
    field = covers(octets)[-1]
    assert (field.offset, field.name, field.meaning) == last


def test_of_nothing_there_is_nothing() -> None:
    assert anatomy(b"") == ()


@pytest.mark.parametrize("vector", VALID, ids=str)
def test_a_valid_preamble_is_understood_whole(vector: Vector) -> None:
    fields = covers(vector.octets)
    said = [field.name for field in fields]
    assert UNREAD not in said
    assert (REST in said) == bool(vector.rest)
    assert not any("cut short" in field.meaning for field in fields)


@pytest.mark.parametrize("octets", SIGNED, ids=lambda octets: octets.hex()[18:30])
def test_a_signed_preamble_is_understood_whole(octets: bytes) -> None:
    fields = covers(octets)
    assert [field.name for field in fields][7:13] == [
        "bind",
        "flags",
        "bound",
        "key id",
        "created",
        "nonce",
    ]
    assert fields[-1].name == "tag"
    assert len(fields[-1].octets) in (16, 64)


@pytest.mark.parametrize("vector", REFUSED, ids=str)
def test_the_fault_of_a_refused_one_has_a_field_to_point_at(vector: Vector) -> None:
    assert vector.offset is not None
    fields = covers(vector.octets)
    end = fields[-1].offset + len(fields[-1].octets) if fields else 0
    assert 0 <= vector.offset <= end


@given(st.sampled_from(vectors()), st.data())
def test_every_octet_once_at_every_cut(vector: Vector, data: st.DataObject) -> None:
    covers(vector.octets[: data.draw(st.integers(0, len(vector.octets)))])


@given(st.sampled_from([*(v.octets for v in vectors()), *SIGNED]), st.data())
def test_every_octet_once_when_one_is_wrong(octets: bytes, data: st.DataObject) -> None:
    changed = bytearray(octets or b"\0")
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
        st.integers(0, 255)
    )
    covers(bytes(changed))


@given(
    st.sampled_from([b"", b"\xcd\x03\x03", b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"]),
    st.binary(max_size=300),
)
def test_every_octet_once_in_anything(front: bytes, octets: bytes) -> None:
    covers(front + octets)


def test_an_error_of_the_decoder_lies_in_the_octets() -> None:
    octets = encode(NAMED)[:9] + b"\x31"
    with pytest.raises(DecodeError) as caught:
        decode(octets)
    assert anatomy(octets)[-1].offset == caught.value.offset


def test_a_datagram_has_its_addresses_too() -> None:
    preamble = Preamble(source=CLIENT, destination=HERE, transport=Transport.UDP4)
    assert anatomy(encode(preamble, "proxy2"))[2].meaning == "UDP4"

"""wire: one way to encode, and telling a preamble from what it is not."""

from __future__ import annotations

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import DecodeError, EncodeError
from sslmagic.preamble import Preamble, Transport
from sslmagic.wire import (
    FORMATS,
    LIMITS,
    SHORT_CUTS,
    encode,
    encode_tcp4,
    may_be_signature,
    signature,
)
from tests.vectors.vector import Vector, vectors

PREAMBLE = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))


@pytest.mark.parametrize("format", FORMATS)
def test_every_prefix_of_a_signature_is_told(format: str) -> None:
    octets = encode(PREAMBLE, format)
    length = {"magic": 9, "proxy1": 6, "proxy2": 12}[format]
    for cut in range(length):
        assert may_be_signature(octets[:cut])
        assert signature(octets[:cut]) is None
    for cut in range(length, len(octets) + 1):
        assert not may_be_signature(octets[:cut])
        assert signature(octets[:cut]) == format


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\0\x01",
        b"GET / HTTP/1.1",
        b"PROXIES",
        b"POST /",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\xcd\x03\x03\0\x13MAGE",
        b"\xcd\x03\x02",
        b"SSH-2.0",
    ],
)
def test_what_is_no_signature(octets: bytes) -> None:
    assert signature(octets) is None
    assert not may_be_signature(octets)


def test_a_format_that_does_not_exist() -> None:
    with pytest.raises(EncodeError, match="'auto' is none of magic, proxy1, proxy2"):
        encode(PREAMBLE, "auto")


@pytest.mark.parametrize("format", FORMATS)
def test_a_limit_of_ones_own(format: str) -> None:
    length = len(encode(PREAMBLE, format))
    assert encode(PREAMBLE, format, limit=length) == encode(PREAMBLE, format)
    with pytest.raises(EncodeError, match=f"{length} octets, where {length - 1}"):
        encode(PREAMBLE, format, limit=length - 1)


def test_limits_have_a_format_each() -> None:
    assert tuple(LIMITS) == FORMATS


def the_long_way(format: str, octets: bytes) -> tuple[Preamble, bytes] | None:
    decoder = Decoder(format)
    try:
        # In two pieces, so that `decode` has nothing to look at in one.
        decoder.feed(octets[:1])
        preamble = decoder.feed(octets[1:])
    except DecodeError:
        return None
    return None if preamble is None else (preamble, decoder.rest)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_a_short_cut_leads_where_the_long_way_leads(vector: Vector) -> None:
    found = SHORT_CUTS[vector.format](vector.octets)
    assert found is None or found == the_long_way(vector.format, vector.octets)


@pytest.mark.parametrize("format", FORMATS)
def test_a_short_cut_takes_no_octet_that_the_long_way_refuses(format: str) -> None:
    octets = encode(PREAMBLE, format) + b"rest"
    assert SHORT_CUTS[format](octets) == (PREAMBLE, b"rest")
    for at in range(len(octets)):
        assert SHORT_CUTS[format](octets[: min(at, len(octets) - 5)]) is None
        for octet in range(256):
            changed = octets[:at] + bytes([octet]) + octets[at + 1 :]
            found = SHORT_CUTS[format](changed)
            assert found is None or found == the_long_way(format, changed)


@pytest.mark.parametrize("format", ["magic", "proxy2"])
def test_most_preambles_take_the_short_cut(format: str) -> None:
    pair6 = Preamble(source=("2001:db8::9", 51234), destination=("2001:db8::2", 443))
    for preamble in (PREAMBLE, pair6):
        assert SHORT_CUTS[format](encode(preamble, format)) == (preamble, b"")


@pytest.mark.parametrize("format", FORMATS)
def test_a_packed_block_is_encoded_as_its_preamble_is(format: str) -> None:
    assert encode_tcp4(PREAMBLE.block, format) == encode(PREAMBLE, format)
    loud = bytes([240]) + PREAMBLE.block[1:]
    assert encode_tcp4(loud, format) == encode(
        Preamble.packed(Transport.TCP4, loud), format
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"", "12 octets, not 0"),
        (PREAMBLE.block + b"\0", "12 octets, not 13"),
        (bytes(4) + PREAMBLE.block[4:], "unspecified address"),
        (b"\xe0" + PREAMBLE.block[1:], "multicast"),
        (PREAMBLE.block[:8] + bytes(2) + PREAMBLE.block[10:], "port 0"),
    ],
)
def test_a_packed_block_that_is_none(format: str, block: bytes, why: str) -> None:
    with pytest.raises(EncodeError, match=why):
        encode_tcp4(block, format)

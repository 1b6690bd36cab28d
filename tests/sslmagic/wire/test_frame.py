"""wire/frame.py: what the formats share."""

from __future__ import annotations

import pytest

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Command, Preamble
from sslmagic.tlv import TLV, Type
from sslmagic.wire import FORMATS, encode
from sslmagic.wire.frame import (
    check_checksum,
    check_prefix,
    directed_block,
    fill_checksum,
    with_checksum,
)


def test_a_prefix_is_wrong_at_its_first_wrong_octet() -> None:
    check_prefix(b"ab", 0, b"abc", "it")
    check_prefix(b"xabcd", 1, b"abc", "it")
    check_prefix(b"", 0, b"abc", "it")
    with pytest.raises(DecodeError, match="octet 58 where it has 62") as caught:
        check_prefix(b"-aX", 1, b"abc", "it")
    assert caught.value.offset == 2
    assert caught.value.reason is Reason.FORMAT


def checksummed(value: bytes) -> tuple[bytes, tuple[TLV, ...]]:
    tlvs = (TLV(Type.NOOP, b"12"), TLV(Type.CRC32C, value))
    return b"head\x04\0\x0212\x03\0\x04" + value, tlvs


def test_a_checksum_is_filled_in_and_checked() -> None:
    octets, tlvs = checksummed(bytes(4))
    filled = fill_checksum(octets, 4, tlvs)
    assert filled != octets
    check_checksum(filled, 4, tlvs)
    assert fill_checksum(filled, 4, tlvs) == filled
    with pytest.raises(DecodeError) as caught:
        check_checksum(octets, 4, tlvs)
    assert caught.value.reason is Reason.CHECKSUM
    assert caught.value.offset == 12
    with pytest.raises(EncodeError, match="leave it zero"):
        fill_checksum(octets[:-1] + b"x", 4, tlvs)


def test_without_a_checksum_nothing_is_checked() -> None:
    check_checksum(b"head", 4, ())
    assert fill_checksum(b"head", 4, ()) == b"head"


def test_asking_for_a_checksum() -> None:
    plain = Preamble(source=("203.0.113.9", 1), destination=("198.51.100.2", 2))
    asked = with_checksum(plain)
    assert asked.tlvs == (TLV(Type.CRC32C, bytes(4)),)
    assert with_checksum(asked) is asked
    local = with_checksum(Preamble.local())
    assert local.command is Command.LOCAL
    assert local.tlv(Type.CRC32C) is not None


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("limit", [None, 300])
@pytest.mark.parametrize("crc32c", [False, True])
def test_no_format_makes_up_where_a_client_connected(
    format: str, limit: int | None, crc32c: bool
) -> None:
    preamble = Preamble.without_destination(("203.0.113.9", 51234))
    with pytest.raises(EncodeError, match=r"give a destination|carries no TLVs"):
        encode(preamble, format, limit=limit, crc32c=crc32c)
    with pytest.raises(EncodeError, match="give a destination"):
        directed_block(preamble)

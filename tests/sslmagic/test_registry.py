"""registry.py: a name, a reading and a writing for every type."""

from __future__ import annotations

import pytest

from sslmagic.errors import EncodeError
from sslmagic.registry import (
    INSIDE_SSL,
    SINGLETONS,
    STANDARD,
    Type,
    meaning_named,
    meaning_of,
    number,
)


def test_every_standard_type_has_its_row() -> None:
    assert set(STANDARD) == set(Type)
    assert {row.name for row in STANDARD.values()} == {kind.name for kind in Type}


def test_what_may_stand_once() -> None:
    assert Type.NOOP not in SINGLETONS
    assert {Type.CRC32C, Type.AUTHORITY, Type.PROOF, *INSIDE_SSL} < SINGLETONS


@pytest.mark.parametrize(
    ("kind", "value", "name", "said"),
    [
        (0xEA, b"\x01vpce-08d2bf15fac5001c9", "AWS_VPCE_ID", "vpce-08d2bf15fac5001c9"),
        (0xEA, b"\x02other", "0xEA", None),
        (0xEE, b"\x01\x78\x56\x34\x12", "AZURE_LINK_ID", 0x12345678),
        (0xEE, b"\x01\x78", "0xEE", None),
        (0xE0, bytes(7) + b"\x2a", "GCP_PSC_ID", 42),
        (0xE0, b"-----BEGIN C", "HITCH_CLIENT_CERT", "-----BEGIN C"),
        (0xE0, b"else", "0xE0", "else"),
        (0xE4, b"\x01\x00", "TELEPORT", None),
        (0xD0, b"spiffe://a/b", "ISTIO_SPIFFE_ID", "spiffe://a/b"),
        (0xD0, b"\xff", "0xD0", None),
        (0xF0, b"", "0xF0", None),
        (Type.UNIQUE_ID, b"\x00\x01", "UNIQUE_ID", None),
        (Type.UNIQUE_ID, b"id-7", "UNIQUE_ID", "id-7"),
        (Type.CRC32C, b"\xbc\xe5\x95\x1f", "CRC32C", "bce5951f"),
        (Type.SSL_CN, b"caf\xe9", "SSL_CN", "caf\\xe9"),
        (Type.NOOP, b"\0\0\0", "NOOP", None),
    ],
)
def test_reading(kind: int, value: bytes, name: str, said: object) -> None:
    meaning = meaning_of(kind, value)
    assert meaning.name == name
    assert meaning.read(value) == said


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("AWS_VPCE_ID", "vpce-1", b"\x01vpce-1"),
        ("azure_link_id", "0x12345678", b"\x01\x78\x56\x34\x12"),
        ("GCP_PSC_ID", "42", bytes(7) + b"\x2a"),
        ("HITCH_CLIENT_CERT", "-----BEGIN", b"-----BEGIN"),
        ("ISTIO_SPIFFE_ID", "spiffe://a", b"spiffe://a"),
        ("TELEPORT", "0102", b"\x01\x02"),
        ("NOOP", "3", bytes(3)),
        ("0x02", "shop", b"shop"),
        ("0xF7", "00ff", b"\x00\xff"),
        ("CRC32C", "bce5951f", b"\xbc\xe5\x95\x1f"),
    ],
)
def test_writing(name: str, text: str, value: bytes) -> None:
    assert meaning_named(name).write(text) == value


@pytest.mark.parametrize("name", ["", "NAME", "0", "256", "0x100", "-1"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(EncodeError):
        meaning_named(name)


def test_numbers_have_a_range() -> None:
    assert number("0xff", 8) == 255
    with pytest.raises(ValueError, match="256 is not in 0 to 255"):
        number("256", 8)

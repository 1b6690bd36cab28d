"""The registry of TLV types: what each is called, may hold, and how people say it.

One table for both directions, for MAGIC and PROXY v2 (spec.md section 6). A row knows
values as octets; `sslmagic.tlv` puts them together and apart.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from sslmagic.errors import EncodeError

__all__ = [
    "CLIENT_BITS",
    "INSIDE_SSL",
    "SINGLETONS",
    "STANDARD",
    "Meaning",
    "Type",
    "meaning_named",
    "meaning_of",
    "number",
]


class Type(enum.IntEnum):
    """The types that are not a vendor's (proxy-protocol.txt section 2.2)."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    SSL_VERSION = 0x21
    SSL_CN = 0x22
    SSL_CIPHER = 0x23
    SSL_SIG_ALG = 0x24
    SSL_KEY_ALG = 0x25
    SSL_GROUP = 0x26
    SSL_SIG_SCHEME = 0x27
    SSL_CLIENT_CERT = 0x28
    NETNS = 0x30
    PROOF = 0xE5
    """Ours: the proof of a PROXY v2 preamble (spec.md section 8)."""


class Meaning(NamedTuple):
    """A row of the registry."""

    type: int
    name: str
    read: Callable[[bytes], str | int | None]
    """The value for people and JSON; None where the octets say it better."""
    write: Callable[[str], bytes]
    """The value that a person's text means; ValueError if it means none."""
    least: int = 1
    """Octets of the shortest value."""
    most: int = 0xFFFF
    """Octets of the longest value."""


def _text(value: bytes) -> str:
    # Octets that are no text stay visible instead of vanishing.
    return value.decode("utf-8", "backslashreplace")


def _text_if_plain(value: bytes) -> str | None:
    return value.decode("ascii") if _is_plain(value) else None


def _is_plain(value: bytes) -> bool:
    return bool(value) and all(0x20 <= octet <= 0x7E for octet in value)


def _opaque(_value: bytes) -> None:
    return None


def _zeros(text: str) -> bytes:
    return bytes(number(text, 16))


def number(text: str, bits: int) -> int:
    """Return what *text* says, decimal or ``0x``; ValueError past *bits* bits."""
    found = int(text, 0)
    if not 0 <= found < 1 << bits:
        raise ValueError(f"{text} is not in 0 to {(1 << bits) - 1}")
    return found


CLIENT_BITS = {1: "SSL", 2: "CERT_CONN", 4: "CERT_SESS"}

STANDARD: dict[int, Meaning] = {
    meaning.type: meaning
    for meaning in (
        Meaning(Type.ALPN, "ALPN", _text, str.encode, most=255),
        Meaning(Type.AUTHORITY, "AUTHORITY", _text, str.encode, most=255),
        Meaning(Type.CRC32C, "CRC32C", bytes.hex, bytes.fromhex, least=4, most=4),
        Meaning(Type.NOOP, "NOOP", _opaque, _zeros, least=0),
        Meaning(Type.UNIQUE_ID, "UNIQUE_ID", _text_if_plain, str.encode, most=128),
        # Read and written by `sslmagic.tlv`, which knows what nests in it.
        Meaning(Type.SSL, "SSL", _opaque, bytes.fromhex, least=5),
        Meaning(Type.SSL_VERSION, "SSL_VERSION", _text, str.encode),
        Meaning(Type.SSL_CN, "SSL_CN", _text, str.encode),
        Meaning(Type.SSL_CIPHER, "SSL_CIPHER", _text, str.encode),
        Meaning(Type.SSL_SIG_ALG, "SSL_SIG_ALG", _text, str.encode),
        Meaning(Type.SSL_KEY_ALG, "SSL_KEY_ALG", _text, str.encode),
        Meaning(Type.SSL_GROUP, "SSL_GROUP", _text, str.encode),
        Meaning(Type.SSL_SIG_SCHEME, "SSL_SIG_SCHEME", _text, str.encode),
        Meaning(Type.SSL_CLIENT_CERT, "SSL_CLIENT_CERT", _opaque, bytes.fromhex),
        Meaning(Type.NETNS, "NETNS", _text, str.encode),
        Meaning(Type.PROOF, "PROOF", _text_if_plain, str.encode),
    )
}
INSIDE_SSL = frozenset(range(0x21, 0x29))
SINGLETONS = frozenset(STANDARD) - {Type.NOOP}


def _read_vpce(value: bytes) -> str:
    return _text(value[1:])


def _write_vpce(text: str) -> bytes:
    return b"\x01" + text.encode()


def _read_link(value: bytes) -> int:
    return int.from_bytes(value[1:], "little")


def _write_link(text: str) -> bytes:
    return b"\x01" + number(text, 32).to_bytes(4, "little")


def _read_psc(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _write_psc(text: str) -> bytes:
    return number(text, 64).to_bytes(8, "big")


# Vendors chose their numbers without each other (0xE0 is Google's and hitch's), so a
# vendor's meaning holds only for values of its shape, and never refuses one.
_VENDORS: tuple[tuple[Meaning, Callable[[bytes], bool]], ...] = (
    (
        Meaning(0xEA, "AWS_VPCE_ID", _read_vpce, _write_vpce),
        lambda value: value[:1] == b"\x01" and _is_plain(value[1:]),
    ),
    (
        Meaning(0xEE, "AZURE_LINK_ID", _read_link, _write_link),
        lambda value: value[:1] == b"\x01" and len(value) == 5,
    ),
    (
        Meaning(0xE0, "GCP_PSC_ID", _read_psc, _write_psc),
        lambda value: len(value) == 8,
    ),
    (
        Meaning(0xE0, "HITCH_CLIENT_CERT", _text, str.encode),
        lambda value: value.startswith(b"-----BEGIN "),
    ),
    (Meaning(0xE4, "TELEPORT", _opaque, bytes.fromhex), lambda value: True),
    (
        Meaning(0xD0, "ISTIO_SPIFFE_ID", _text, str.encode),
        lambda value: value.startswith(b"spiffe://"),
    ),
)


def _unnamed(kind: int) -> Meaning:
    return Meaning(kind, f"0x{kind:02X}", _text_if_plain, bytes.fromhex)


def meaning_of(kind: int, value: bytes) -> Meaning:
    """Return the row for a type that holds *value*; one made up if none fits."""
    if kind in STANDARD:
        return STANDARD[kind]
    for meaning, fits in _VENDORS:
        if meaning.type == kind and fits(value):
            return meaning
    return _unnamed(kind)


def meaning_named(name: str) -> Meaning:
    """Return the row of that name, or of the type of that number (``0xE7``).

    Raises:
        EncodeError: there is none.
    """
    for meaning in (*STANDARD.values(), *(row for row, _ in _VENDORS)):
        if meaning.name == name.upper():
            return meaning
    try:
        kind = int(name, 0)
    except ValueError:
        raise EncodeError(f"{name!r} is no TLV name and no number") from None
    if not 1 <= kind <= 0xFF:
        raise EncodeError(f"TLV type {name} is not in 1 to 255")
    return STANDARD.get(kind) or _unnamed(kind)

"""Type-length-value extensions: one registry for MAGIC and PROXY v2, both directions.

On the wire a TLV is one octet of type, two of length, and the value (spec.md section
6). What a type means, how its value reads to people and how people write it stands
in one table; checking never depends on a vendor, since vendors share numbers.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sslmagic.errors import DecodeError, EncodeError, Reason

__all__ = [
    "HOP_TYPES",
    "SSL",
    "TLV",
    "Type",
    "fits_magic",
    "pack_tlvs",
    "parse_tlvs",
]

Said = str | int | dict[str, object] | None
"""A value for people and JSON: None where the octets say it better."""


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


HOP_TYPES = frozenset({Type.CRC32C, Type.NOOP, Type.PROOF})
"""Types that speak of one hop: a relay that says the preamble again drops them."""


class TLV(NamedTuple):
    """One extension."""

    type: int
    """1 to 255; 0 is never valid."""
    value: bytes
    """0 to 65 535 octets; what is allowed depends on the type."""

    @property
    def name(self) -> str:
        """The registry's name, or `0xE7` for a type without one."""
        return _meaning(self).name

    @property
    def said(self) -> Said:
        """The value as people and JSON read it, None where only octets will do."""
        return _meaning(self).read(self.value)

    @classmethod
    def parse(cls, name: str, text: str) -> TLV:
        """Return the TLV that a person writes as *name* = *text*.

        The name is the registry's or a number (``0xE7``). ``hex:`` in front of the
        text gives the octets of any type; without it the text is read as the type
        says, and as hex where the type has no name. NOOP takes a count of octets;
        SSL reads ``client=SSL+CERT_CONN,verify=0,VERSION=TLSv1.3,CN=alice``.

        Raises:
            EncodeError: no such name, or a text that its type cannot hold.
        """
        meaning = _by_name(name)
        try:
            if text.startswith("hex:"):
                value = bytes.fromhex(text[4:])
            else:
                value = meaning.write(text)
        except ValueError as error:
            raise EncodeError(f"TLV {name}: {error}") from None
        tlv = cls(meaning.type, value)
        if fault := _fault(tlv, strict=False):
            raise EncodeError(f"TLV {name}: {fault}")
        return tlv


class SSL(NamedTuple):
    """The value of an SSL TLV: what the sender knows of the client's own TLS."""

    client: int
    """Bits: 1 over TLS, 2 certificate in this connection, 4 in this session."""
    verify: int
    """0 if the client's certificate was verified, else the verifier's error."""
    tlvs: tuple[TLV, ...]
    """Types 0x21 to 0x28, each at most once."""

    @classmethod
    def unpack(cls, value: bytes) -> SSL:
        """Raises `DecodeError` if *value* is none, offsets counted from its start."""
        if len(value) < 5:
            raise DecodeError(
                "an SSL TLV has at least 5 octets", reason=Reason.TLV, offset=0
            )
        tlvs = _parse(value, 5, len(value), strict=False, inside=True)
        return cls(value[0], int.from_bytes(value[1:5], "big"), tlvs)

    def pack(self) -> bytes:
        """Return the value; raises `EncodeError` if a part does not fit."""
        if not (0 <= self.client < 1 << 8 and 0 <= self.verify < 1 << 32):
            raise EncodeError("SSL: client takes 8 bits and verify takes 32")
        head = bytes([self.client]) + self.verify.to_bytes(4, "big")
        return head + _pack(self.tlvs, strict=False, inside=True)


def parse_tlvs(octets: bytes, start: int, end: int, *, strict: bool) -> tuple[TLV, ...]:
    """Return the TLVs that fill *octets* from *start* to *end* exactly.

    *strict* adds what MAGIC asks of ALPN and AUTHORITY.

    Raises:
        DecodeError: one overruns, is misplaced, repeats or holds a wrong value.
    """
    return _parse(octets, start, end, strict=strict, inside=False)


def pack_tlvs(tlvs: Iterable[TLV], *, strict: bool) -> bytes:
    """Return the octets of *tlvs* in their order; the inverse of `parse_tlvs`.

    Raises:
        EncodeError: one is misplaced, repeats or holds a wrong value.
    """
    return _pack(tlvs, strict=strict, inside=False)


def fits_magic(tlv: TLV) -> bool:
    """Return whether a TLV that PROXY v2 carries may stand in MAGIC as well."""
    return _fault(tlv, strict=True) is None


def _parse(
    octets: bytes, start: int, end: int, *, strict: bool, inside: bool
) -> tuple[TLV, ...]:
    tlvs: list[TLV] = []
    seen: set[int] = set()
    at = start
    while at < end:
        value_at = at + 3
        if value_at > end:
            raise DecodeError(
                f"{end - at} octets are left over, fewer than a TLV has",
                reason=Reason.TLV,
                offset=at,
            )
        length = octets[at + 1] << 8 | octets[at + 2]
        tlv = TLV(octets[at], octets[value_at : value_at + length])
        if value_at + length > end:
            raise DecodeError(
                f"TLV {tlv.type:#04x} claims {length} octets of {end - value_at}",
                reason=Reason.TLV,
                offset=at + 1,
            )
        if fault := _misplaced(tlv.type, seen, inside=inside):
            raise DecodeError(fault, reason=Reason.TLV, offset=at)
        if fault := _fault(tlv, strict=strict):
            raise DecodeError(
                f"TLV {tlv.type:#04x}: {fault}", reason=Reason.TLV, offset=value_at
            )
        if tlv.type == Type.SSL:
            # A second look with this stream's offsets, for the error alone.
            _parse(octets, value_at + 5, value_at + length, strict=strict, inside=True)
        tlvs.append(tlv)
        at = value_at + length
    return tuple(tlvs)


def _pack(tlvs: Iterable[TLV], *, strict: bool, inside: bool) -> bytes:
    parts: list[bytes] = []
    seen: set[int] = set()
    for tlv in tlvs:
        if not 0 <= tlv.type <= 0xFF:
            raise EncodeError(f"TLV type {tlv.type} does not fit in one octet")
        if fault := _misplaced(tlv.type, seen, inside=inside):
            raise EncodeError(fault)
        if fault := _fault(tlv, strict=strict):
            raise EncodeError(f"TLV {tlv.type:#04x}: {fault}")
        if tlv.type == Type.SSL:
            SSL.unpack(tlv.value)
        if len(tlv.value) > 0xFFFF:
            raise EncodeError(f"TLV {tlv.type:#04x}: {len(tlv.value)} octets: too long")
        parts.append(
            tlv.type.to_bytes(1, "big") + len(tlv.value).to_bytes(2, "big") + tlv.value
        )
    return b"".join(parts)


def _misplaced(kind: int, seen: set[int], *, inside: bool) -> str | None:
    """Return why a TLV of this type may not stand here, having noted that it does."""
    if kind == 0:
        return "TLV type 0 is not valid"
    if inside != (kind in _INSIDE_SSL) and kind in _STANDARD:
        place = "outside" if kind in _INSIDE_SSL else "inside"
        return f"TLV {kind:#04x} may not stand {place} an SSL TLV"
    if kind in seen:
        return f"TLV {kind:#04x} may stand only once"
    if kind in _SINGLETONS:
        seen.add(kind)
    return None


def _fault(tlv: TLV, *, strict: bool) -> str | None:
    """Return why a value is not what its type holds, or None."""
    kind, value = tlv
    entry = _STANDARD.get(kind)
    if entry is None:
        return None
    if not entry.least <= len(value) <= entry.most:
        return f"{len(value)} octets, where {entry.least} to {entry.most} are valid"
    if kind == Type.AUTHORITY:
        return _authority_fault(value, strict=strict)
    if kind == Type.ALPN and strict and not all(0x21 <= o <= 0x7E for o in value):
        return "ALPN holds octets outside 21 to 7E"
    return None


def _authority_fault(value: bytes, *, strict: bool) -> str | None:
    if strict:
        if len(value) > 253 or value.translate(None, _NAME_OCTETS):
            return "AUTHORITY is 1 to 253 letters, digits, hyphens and dots"
        return None
    try:
        value.decode()
    except UnicodeDecodeError:
        return "AUTHORITY is no UTF-8"
    return None


_NAME_OCTETS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."


class _Meaning(NamedTuple):
    """A row of the registry."""

    type: int
    name: str
    read: Callable[[bytes], Said]
    write: Callable[[str], bytes]
    least: int = 1
    most: int = 0xFFFF


def _text(value: bytes) -> str:
    # Octets that are no text stay visible instead of vanishing.
    return value.decode("utf-8", "backslashreplace")


def _text_if_plain(value: bytes) -> str | None:
    return value.decode("ascii") if _is_plain(value) else None


def _is_plain(value: bytes) -> bool:
    return bool(value) and all(0x20 <= octet <= 0x7E for octet in value)


def _opaque(value: bytes) -> None:
    return None


def _zeros(text: str) -> bytes:
    return bytes(_number(text, 16))


def _number(text: str, bits: int) -> int:
    number = int(text, 0)
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{text} is not in 0 to {(1 << bits) - 1}")
    return number


def _read_ssl(value: bytes) -> Said:
    ssl = SSL.unpack(value)
    names = [name for bit, name in _CLIENT_BITS.items() if ssl.client & bit]
    return {
        "client": names,
        "verify": ssl.verify,
        "tlvs": [
            {"type": t.type, "name": t.name, "value": t.said, "hex": t.value.hex()}
            for t in ssl.tlvs
        ],
    }


def _write_ssl(text: str) -> bytes:
    client, verify, tlvs = 0, 0, list[TLV]()
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not NAME=VALUE")
        if name == "client":
            bits = {label: bit for bit, label in _CLIENT_BITS.items()}
            for label in value.split("+"):
                if label not in bits:
                    raise ValueError(f"{label!r} is none of {', '.join(bits)}")
                client |= bits[label]
        elif name == "verify":
            verify = _number(value, 32)
        else:
            full = name if name.startswith(("SSL_", "0x")) else f"SSL_{name}"
            tlvs.append(TLV.parse(full, value))
    return SSL(client, verify, tuple(tlvs)).pack()


_CLIENT_BITS = {1: "SSL", 2: "CERT_CONN", 4: "CERT_SESS"}

_STANDARD: dict[int, _Meaning] = {
    meaning.type: meaning
    for meaning in (
        _Meaning(Type.ALPN, "ALPN", _text, str.encode, most=255),
        _Meaning(Type.AUTHORITY, "AUTHORITY", _text, str.encode, most=255),
        _Meaning(Type.CRC32C, "CRC32C", bytes.hex, bytes.fromhex, least=4, most=4),
        _Meaning(Type.NOOP, "NOOP", _opaque, _zeros, least=0),
        _Meaning(Type.UNIQUE_ID, "UNIQUE_ID", _text_if_plain, str.encode, most=128),
        _Meaning(Type.SSL, "SSL", _read_ssl, _write_ssl, least=5),
        _Meaning(Type.SSL_VERSION, "SSL_VERSION", _text, str.encode),
        _Meaning(Type.SSL_CN, "SSL_CN", _text, str.encode),
        _Meaning(Type.SSL_CIPHER, "SSL_CIPHER", _text, str.encode),
        _Meaning(Type.SSL_SIG_ALG, "SSL_SIG_ALG", _text, str.encode),
        _Meaning(Type.SSL_KEY_ALG, "SSL_KEY_ALG", _text, str.encode),
        _Meaning(Type.SSL_GROUP, "SSL_GROUP", _text, str.encode),
        _Meaning(Type.SSL_SIG_SCHEME, "SSL_SIG_SCHEME", _text, str.encode),
        _Meaning(Type.SSL_CLIENT_CERT, "SSL_CLIENT_CERT", _opaque, bytes.fromhex),
        _Meaning(Type.NETNS, "NETNS", _text, str.encode),
        _Meaning(Type.PROOF, "PROOF", _text_if_plain, str.encode),
    )
}
_INSIDE_SSL = frozenset(range(0x21, 0x29))
_SINGLETONS = frozenset(_STANDARD) - {Type.NOOP}


def _read_vpce(value: bytes) -> Said:
    return _text(value[1:])


def _read_link(value: bytes) -> Said:
    return int.from_bytes(value[1:], "little")


def _read_psc(value: bytes) -> Said:
    return int.from_bytes(value, "big")


# Vendors chose their numbers without each other (0xE0 is Google's and hitch's), so a
# vendor's meaning holds only for values of its shape, and never refuses one.
_VENDORS: tuple[tuple[_Meaning, Callable[[bytes], bool]], ...] = (
    (
        _Meaning(0xEA, "AWS_VPCE_ID", _read_vpce, lambda t: b"\x01" + t.encode()),
        lambda value: value[:1] == b"\x01" and _is_plain(value[1:]),
    ),
    (
        _Meaning(
            0xEE,
            "AZURE_LINK_ID",
            _read_link,
            lambda t: b"\x01" + _number(t, 32).to_bytes(4, "little"),
        ),
        lambda value: value[:1] == b"\x01" and len(value) == 5,
    ),
    (
        _Meaning(
            0xE0, "GCP_PSC_ID", _read_psc, lambda t: _number(t, 64).to_bytes(8, "big")
        ),
        lambda value: len(value) == 8,
    ),
    (
        _Meaning(0xE0, "HITCH_CLIENT_CERT", _text, str.encode),
        lambda value: value.startswith(b"-----BEGIN "),
    ),
    (_Meaning(0xE4, "TELEPORT", _opaque, bytes.fromhex), lambda value: True),
    (
        _Meaning(0xD0, "ISTIO_SPIFFE_ID", _text, str.encode),
        lambda value: value.startswith(b"spiffe://"),
    ),
)


def _unnamed(kind: int) -> _Meaning:
    return _Meaning(kind, f"0x{kind:02X}", _text_if_plain, bytes.fromhex)


def _meaning(tlv: TLV) -> _Meaning:
    if tlv.type in _STANDARD:
        return _STANDARD[tlv.type]
    for meaning, fits in _VENDORS:
        if meaning.type == tlv.type and fits(tlv.value):
            return meaning
    return _unnamed(tlv.type)


def _by_name(name: str) -> _Meaning:
    for meaning in (*_STANDARD.values(), *(row for row, _ in _VENDORS)):
        if meaning.name == name.upper():
            return meaning
    try:
        kind = int(name, 0)
    except ValueError:
        raise EncodeError(f"{name!r} is no TLV name and no number") from None
    if not 1 <= kind <= 0xFF:
        raise EncodeError(f"TLV type {name} is not in 1 to 255")
    return _STANDARD.get(kind) or _unnamed(kind)

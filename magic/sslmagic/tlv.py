"""Type-length-value extensions, put together and apart, for MAGIC and PROXY v2.

On the wire a TLV is one octet of type, two of length, and the value; what a type may
hold stands in `sslmagic.registry` (spec.md section 6). No vendor's type is ever a
reason to refuse, since vendors share numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.registry import (
    CLIENT_BITS,
    INSIDE_SSL,
    SINGLETONS,
    STANDARD,
    Type,
    meaning_named,
    meaning_of,
    number,
)

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
        return meaning_of(self.type, self.value).name

    @property
    def said(self) -> Said:
        """The value as people and JSON read it, None where only octets will do."""
        if self.type == Type.SSL:
            return _read_ssl(self.value)
        return meaning_of(self.type, self.value).read(self.value)

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
        meaning = meaning_named(name)
        try:
            if text.startswith("hex:"):
                value = bytes.fromhex(text[4:])
            elif meaning.type == Type.SSL:
                value = _write_ssl(text)
            else:
                value = meaning.write(text)
        except ValueError as error:
            raise EncodeError(f"TLV {name}: {error}") from None
        tlv = cls(meaning.type, value)
        if fault := _fault(tlv, strict=False) or _nested_fault(tlv):
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


_HEAD = struct.Struct("!BH")
# Every look at a member of an enumeration takes as long as a slice.
_ALPN, _AUTHORITY, _SSL = int(Type.ALPN), int(Type.AUTHORITY), int(Type.SSL)


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
        value_end = value_at + length
        kind = octets[at]
        if value_end > end:
            raise DecodeError(
                f"TLV {kind:#04x} claims {length} octets of {end - value_at}",
                reason=Reason.TLV,
                offset=at + 1,
            )
        tlv = TLV(kind, octets[value_at:value_end])
        if fault := _misplaced(kind, seen, inside=inside):
            raise DecodeError(fault, reason=Reason.TLV, offset=at)
        if fault := _fault(tlv, strict=strict):
            raise DecodeError(
                f"TLV {kind:#04x}: {fault}", reason=Reason.TLV, offset=value_at
            )
        if kind == _SSL:
            # For the errors alone: `SSL.unpack` reads it again where it is wanted.
            _parse(octets, value_at + 5, value_end, strict=strict, inside=True)
        tlvs.append(tlv)
        at = value_end
    return tuple(tlvs)


def _pack(tlvs: Iterable[TLV], *, strict: bool, inside: bool) -> bytes:
    packed = b""
    seen: set[int] = set()
    for tlv in tlvs:
        kind, value = tlv
        if not 0 <= kind <= 0xFF:
            raise EncodeError(f"TLV type {kind} does not fit in one octet")
        if fault := _misplaced(kind, seen, inside=inside):
            raise EncodeError(fault)
        if fault := _fault(tlv, strict=strict) or _nested_fault(tlv):
            raise EncodeError(f"TLV {kind:#04x}: {fault}")
        if len(value) > 0xFFFF:
            raise EncodeError(f"TLV {kind:#04x}: {len(value)} octets: too long")
        packed += _HEAD.pack(kind, len(value)) + value
    return packed


def _misplaced(kind: int, seen: set[int], *, inside: bool) -> str | None:
    """Return why a TLV of this type may not stand here, having noted that it does."""
    if kind == 0:
        return "TLV type 0 is not valid"
    if inside != (kind in INSIDE_SSL) and kind in STANDARD:
        place = "outside" if kind in INSIDE_SSL else "inside"
        return f"TLV {kind:#04x} may not stand {place} an SSL TLV"
    if kind in seen:
        return f"TLV {kind:#04x} may stand only once"
    if kind in SINGLETONS:
        seen.add(kind)
    return None


def _fault(tlv: TLV, *, strict: bool) -> str | None:
    """Return why a value is not what its type holds, or None."""
    kind, value = tlv
    entry = STANDARD.get(kind)
    if entry is None:
        return None
    if not entry.least <= len(value) <= entry.most:
        return f"{len(value)} octets, where {entry.least} to {entry.most} are valid"
    if kind == _AUTHORITY:
        return _authority_fault(value, strict=strict)
    if kind == _ALPN and strict and value.translate(None, _VISIBLE):
        return "ALPN holds octets outside 21 to 7E"
    return None


def _nested_fault(tlv: TLV) -> str | None:
    """Return why what nests in an SSL TLV is wrong, or None."""
    if tlv.type != _SSL:
        return None
    try:
        SSL.unpack(tlv.value)
    except DecodeError as error:
        return str(error)
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


_VISIBLE = bytes(range(0x21, 0x7F))
_NAME_OCTETS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."


def _read_ssl(value: bytes) -> Said:
    ssl = SSL.unpack(value)
    names = [name for bit, name in CLIENT_BITS.items() if ssl.client & bit]
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
            bits = {label: bit for bit, label in CLIENT_BITS.items()}
            for label in value.split("+"):
                if label not in bits:
                    raise ValueError(f"{label!r} is none of {', '.join(bits)}")
                client |= bits[label]
        elif name == "verify":
            verify = number(value, 32)
        else:
            full = name if name.startswith(("SSL_", "0x")) else f"SSL_{name}"
            tlvs.append(TLV.parse(full, value))
    return SSL(client, verify, tuple(tlvs)).pack()

"""TLVs (spec.md section 6)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tests.vectors.second.octets import Refused, number

NAMES = {
    0x01: "ALPN",
    0x02: "AUTHORITY",
    0x03: "CRC32C",
    0x04: "NOOP",
    0x05: "UNIQUE_ID",
    0x20: "SSL",
    0x21: "SSL_VERSION",
    0x22: "SSL_CN",
    0x23: "SSL_CIPHER",
    0x24: "SSL_SIG_ALG",
    0x25: "SSL_KEY_ALG",
    0x26: "SSL_GROUP",
    0x27: "SSL_SIG_SCHEME",
    0x28: "SSL_CLIENT_CERT",
    0x30: "NETNS",
    0xE5: "PROOF",
}
TEXTS = {0x01, 0x02, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x30}
SUBS = range(0x21, 0x29)
LENGTHS = {0x01: (1, 255), 0x02: (1, 255), 0x03: (4, 4), 0x04: (0, 65535)} | {
    0x05: (1, 128),
    0x20: (5, 65535),
}
CLIENT = {1: "SSL", 2: "CERT_CONN", 4: "CERT_SESS"}


class Tlv(NamedTuple):
    at: int
    type: int
    value: bytes


def extensions(
    octets: bytes, at: int, end: int, *, strict: bool, inside: bool
) -> list[Tlv]:
    found: list[Tlv] = []
    while at < end:
        if end - at < 3:
            raise Refused("tlv", at)
        kind = octets[at]
        value_at = at + 3
        length = number(octets, at + 1, 2)
        if value_at + length > end:
            raise Refused("tlv", at + 1)
        value = octets[value_at : value_at + length]
        known = kind in NAMES
        if kind == 0 or (known and inside != (kind in SUBS)):
            raise Refused("tlv", at)
        if known and kind != 4 and any(other.type == kind for other in found):
            raise Refused("tlv", at)
        least, most = LENGTHS.get(kind, (1 if known else 0, 65535))
        if not least <= length <= most or not well_said(kind, value, strict=strict):
            raise Refused("tlv", value_at)
        if kind == 0x20:
            extensions(
                octets, value_at + 5, value_at + length, strict=strict, inside=True
            )
        found.append(Tlv(at, kind, value))
        at = value_at + length
    return found


def well_said(kind: int, value: bytes, *, strict: bool) -> bool:
    if kind == 1 and strict:
        return all(0x21 <= octet <= 0x7E for octet in value)
    if kind == 2 and strict:
        return bool(re.fullmatch(rb"[A-Za-z0-9.-]{1,253}", value))
    if kind == 2:
        try:
            value.decode()
        except UnicodeDecodeError:
            return False
    return True


def checksum(octets: bytes, tlvs: list[Tlv]) -> None:
    for tlv in tlvs:
        if tlv.type == 3:
            at = tlv.at + 3
            zeroed = octets[:at] + bytes(4) + octets[at + 4 :]
            if crc32c(zeroed) != int.from_bytes(tlv.value, "big"):
                raise Refused("checksum", at)


def crc32c(octets: bytes) -> int:
    register = 0xFFFFFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def shown(tlv: Tlv) -> dict[str, Any]:
    name, value = read(tlv.type, tlv.value)
    return {"type": tlv.type, "name": name, "value": value, "hex": tlv.value.hex()}


def read(kind: int, value: bytes) -> tuple[str, Any]:
    """The registry's name, and the value for people; None where hex says it better."""
    name = NAMES.get(kind)
    if kind in TEXTS:
        return name or "", value.decode("utf-8", "backslashreplace")
    if kind == 3:
        return "CRC32C", value.hex()
    if kind == 0x20:
        return "SSL", ssl(value)
    if kind in (0x04, 0x28):
        return name or "", None
    if kind == 0xEA and value[:1] == b"\x01" and plain(value[1:]):
        return "AWS_VPCE_ID", value[1:].decode()
    if kind == 0xEE and len(value) == 5 and value[0] == 1:
        return "AZURE_LINK_ID", int.from_bytes(value[1:], "little")
    if kind == 0xE0 and len(value) == 8:
        return "GCP_PSC_ID", int.from_bytes(value, "big")
    if kind == 0xE0 and value.startswith(b"-----BEGIN "):
        return "HITCH_CLIENT_CERT", value.decode("utf-8", "backslashreplace")
    if kind == 0xE4:
        return "TELEPORT", None
    if kind == 0xD0 and value.startswith(b"spiffe://"):
        return "ISTIO_SPIFFE_ID", value.decode("utf-8", "backslashreplace")
    return name or f"0x{kind:02X}", value.decode() if plain(value) else None


def plain(value: bytes) -> bool:
    return bool(value) and all(0x20 <= octet <= 0x7E for octet in value)


def ssl(value: bytes) -> dict[str, Any]:
    subs = extensions(value, 5, len(value), strict=False, inside=True)
    return {
        "client": [name for bit, name in CLIENT.items() if value[0] & bit],
        "verify": int.from_bytes(value[1:5], "big"),
        "tlvs": [shown(tlv) for tlv in subs],
    }

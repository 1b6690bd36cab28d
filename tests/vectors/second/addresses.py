"""What a preamble says of both ends (spec.md section 4)."""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.vectors.second.octets import Refused, number
from tests.vectors.second.tlvs import Tlv, shown

MAPPED = bytes(10) + b"\xff\xff"
TRANSPORTS = {
    0x00: "UNKNOWN",
    0x11: "TCP4",
    0x12: "UDP4",
    0x21: "TCP6",
    0x22: "UDP6",
    0x31: "UNIX",
    0x32: "UNIX-DGRAM",
}
BLOCK = {0: 0, 1: 12, 2: 36, 3: 216}


def addresses(octets: bytes, at: int, transport: int) -> dict[str, Any] | None:
    """None: a pair of mapped addresses, which only PROXY v1 and v2 may say."""
    label = TRANSPORTS[transport]
    family = transport >> 4
    if family == 0:
        return {"transport": label, "source": None, "destination": None}
    if family == 3:
        return {
            "transport": label,
            "source": {"path": path(octets, at)},
            "destination": {"path": path(octets, at + 108)},
        }
    size = 4 if family == 1 else 16
    source = octets[at : at + size]
    destination = octets[at + size : at + 2 * size]
    source_port = number(octets, at + 2 * size, 2)
    if impossible(unmapped(source)):
        raise Refused("address", at)
    if source_port == 0:
        raise Refused("address", at + 2 * size)
    if source[:12] == destination[:12] == MAPPED:
        return None
    return {
        "transport": label,
        "source": {"host": host(source), "port": source_port},
        "destination": {
            "host": host(destination),
            "port": number(octets, at + 2 * size + 2, 2),
        },
    }


def path(octets: bytes, at: int) -> str:
    field = octets[at : at + 108]
    text = field.rstrip(b"\0")
    if b"\0" in text:
        raise Refused("address", at + text.index(b"\0"))
    return text.decode("utf-8", "surrogateescape")


def unmapped(packed: bytes) -> bytes:
    return packed[12:] if len(packed) == 16 and packed[:12] == MAPPED else packed


def host(packed: bytes) -> str:
    return str(ipaddress.ip_address(unmapped(packed)))


def impossible(packed: bytes) -> bool:
    """Whether no client can have this source address."""
    value = int.from_bytes(packed, "big")
    if len(packed) == 4:
        return value in (0, 0xFFFFFFFF) or value >> 28 == 0xE
    return value >> 120 == 0xFF or (value >> 32 == 0 and value != 1)


def spoken(
    command: int, said: dict[str, Any], tlvs: list[Tlv], length: int
) -> dict[str, Any]:
    return {
        "command": "PROXY" if command else "LOCAL",
        **said,
        "tlvs": [shown(tlv) for tlv in tlvs],
        "length": length,
    }

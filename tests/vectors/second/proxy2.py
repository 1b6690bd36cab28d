"""PROXY v2 (spec.md section 12)."""

from __future__ import annotations

from typing import Any

from tests.vectors.second.addresses import BLOCK, TRANSPORTS, addresses, spoken
from tests.vectors.second.octets import Refused, need, number, same
from tests.vectors.second.tlvs import checksum, extensions

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


def proxy2(octets: bytes, limit: int) -> dict[str, Any]:
    same(octets, 0, SIGNATURE)
    version, command = divmod(number(octets, 12, 1), 16)
    if version != 2:
        raise Refused("version", 12)
    if command not in (0, 1):
        raise Refused("command", 12)
    transport = number(octets, 13, 1)
    if command and transport not in TRANSPORTS:
        raise Refused("family", 13)
    end = 16 + number(octets, 14, 2)
    if end > limit:
        raise Refused("oversize", 14)
    block = BLOCK[transport >> 4] if command else 0
    if 16 + block > end:
        raise Refused("length", 14)
    need(octets, end)
    if not command:
        nobody = {"transport": "UNKNOWN", "source": None, "destination": None}
        return spoken(0, nobody, [], end) | {"proof": None}
    said = addresses(octets, 16, transport)
    if said is None:
        said = addresses(halved(octets), 16, 0x10 | transport & 0x0F)
    tlvs = extensions(octets, 16 + block, end, strict=False, inside=False)
    checksum(octets[:end], tlvs)
    return spoken(1, said or {}, tlvs, end) | {"proof": None}


def halved(octets: bytes) -> bytes:
    """The same stream with both mapped addresses cut to their IPv4 part."""
    return octets[:16] + octets[28:32] + octets[44:48] + octets[48:]

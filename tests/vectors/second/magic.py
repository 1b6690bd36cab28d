"""MAGIC version 1 (spec.md sections 3 and 7.1)."""

from __future__ import annotations

from typing import Any

from tests.vectors.second.addresses import BLOCK, addresses, spoken
from tests.vectors.second.octets import Refused, need, number, same
from tests.vectors.second.tlvs import checksum, extensions

CD = bytes([0xCD, 0x03, 0x03])
MAGI = b"MAGI"
TAG = {0: 0, 1: 16, 2: 64}
MOST_TLVS = 32
MOST_BOUND = 17_408


def magic(octets: bytes, limit: int) -> dict[str, Any]:
    same(octets, 0, CD)
    end = 5 + number(octets, 3, 2)
    if end < 12:
        raise Refused("length", 3)
    if end > limit:
        raise Refused("oversize", 3)
    same(octets, 5, MAGI)
    version, command = divmod(number(octets, 9, 1), 16)
    if version != 1:
        raise Refused("version", 9)
    if command not in (0, 1):
        raise Refused("command", 9)
    transport = number(octets, 10, 1)
    if transport not in ((0x11, 0x21, 0x31) if command else (0x00,)):
        raise Refused("family", 10)
    profile = number(octets, 11, 1)
    if profile not in (0, 1, 2):
        raise Refused("profile", 11)
    start = 12 + (32 if profile else 0)
    block = BLOCK[transport >> 4]
    tlvs_end = end - TAG[profile]
    if start + block > tlvs_end:
        raise Refused("length", 3)
    proof = proof_block(octets, profile, command) if profile else None
    need(octets, end)
    if proof is not None:
        proof |= {"tag": octets[tlvs_end:end].hex(), "verified": False}
    said = addresses(octets, start, transport)
    if said is None:
        raise Refused("address", start)
    tlvs = extensions(octets, start + block, tlvs_end, strict=True, inside=False)
    if len(tlvs) > MOST_TLVS:
        raise Refused("tlv", tlvs[MOST_TLVS].at)
    for tlv in tlvs:
        if tlv.type == 3 and profile:
            raise Refused("tlv", tlv.at)
    checksum(octets[:end], tlvs)
    return spoken(command, said, tlvs, end) | {"proof": proof}


def proof_block(octets: bytes, profile: int, command: int) -> dict[str, Any]:
    bind = number(octets, 12, 1)
    if bind > 2 or (bind and not command):
        raise Refused("profile", 12)
    flags = number(octets, 13, 1)
    if flags > 1:
        raise Refused("profile", 13)
    bound = number(octets, 14, 2)
    if bool(bound) != bool(bind) or bound > MOST_BOUND:
        raise Refused("profile", 14)
    key_id = number(octets, 16, 4)
    if key_id == 0:
        raise Refused("profile", 16)
    return {
        "profile": profile,
        "bind": bind,
        "flags": flags,
        "bound": bound,
        "key_id": key_id,
        "created": number(octets, 20, 8),
        "nonce": number(octets, 28, 16).to_bytes(16, "big").hex(),
    }

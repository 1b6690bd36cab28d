"""The fields of TLVs, and of those that stand inside one."""

from __future__ import annotations

from sslmagic.anatomy.walk import Walk, following, number
from sslmagic.crc32c import crc32c
from sslmagic.tlv import TLV, Type

__all__ = ["take_tlvs"]


def take_tlvs(walk: Walk, level: int = 0) -> None:
    """Take TLVs up to the end of the part; those of an SSL TLV are a part of it."""
    while walk.at < walk.end:
        head = walk.peek(3)
        value = walk.octets[walk.at + 3 : walk.end][: number(head[1:])]
        tlv = TLV(head[0], value)
        walk.take(1, "TLV type", tlv.name, level)
        length = number(walk.take(2, "length", following, level + 1))
        if tlv.type == Type.SSL and len(value) == length and level == 0:
            behind, walk.end = walk.end, walk.at + length
            walk.take(1, "client", _said_client, 1)
            walk.take(4, "verify", _said_verify, 1)
            take_tlvs(walk, 1)
            walk.end = behind
        elif length:
            walk.take(length, "value", _said_value(walk, tlv), level + 1)


def _said_value(walk: Walk, tlv: TLV) -> str:
    if tlv.type == Type.NOOP:
        return "padding"
    if tlv.type == Type.SSL:
        return ""
    if tlv.type == Type.CRC32C and len(tlv.value) == 4 and walk.whole:
        before, behind = walk.octets[: walk.at], walk.octets[walk.at + 4 : walk.end]
        right = crc32c(before + bytes(4) + behind).to_bytes(4, "big")
        return "matches" if right == tlv.value else f"does not match: {right.hex()}"
    said = tlv.said
    return "" if said is None else str(said)


_CLIENT = {1: "over TLS", 2: "certificate in this connection", 4: "in this session"}


def _said_client(octets: bytes) -> str:
    return ", ".join(said for bit, said in _CLIENT.items() if octets[0] & bit)


def _said_verify(octets: bytes) -> str:
    error = number(octets)
    return f"error {error}" if error else "0: verified, if there was a certificate"

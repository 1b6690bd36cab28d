"""PROXY v1 (spec.md section 11)."""

from __future__ import annotations

import re
from typing import Any

from tests.vectors.second.addresses import addresses, spoken
from tests.vectors.second.octets import Refused, need, same

LONGEST = 107
WORDS = (b"TCP4", b"TCP6", b"UNKNOWN")
ALPHABET = {b"TCP4": b"0123456789. ", b"TCP6": b"0123456789abcdefABCDEF:. "}


def proxy1(octets: bytes, limit: int) -> dict[str, Any]:
    same(octets, 0, b"PROXY ")
    limit = min(limit, LONGEST)
    word, end = line(octets, limit)
    if word == b"UNKNOWN":
        nobody = {"transport": "UNKNOWN", "source": None, "destination": None}
        return spoken(1, nobody, [], end) | {"proof": None}
    fields = octets[11 : end - 2].split(b" ")
    if len(fields) != 4:
        raise Refused("line", 11)
    size = 4 if word == b"TCP4" else 16
    packed = b""
    starts = []
    at = 11
    for index, field in enumerate(fields):
        value = (host4 if size == 4 else host6)(field) if index < 2 else port(field)
        if value is None:
            raise Refused("line", at)
        packed += value
        starts.append(at)
        at += len(field) + 1
    try:
        said = addresses(packed, 0, 0x11 if size == 4 else 0x21)
    except Refused as refusal:
        raise Refused("address", starts[2 if refusal.offset else 0]) from None
    if said is None:
        said = addresses(packed[12:16] + packed[28:], 0, 0x11)
    return spoken(1, said or {}, [], end) | {"proof": None}


def line(octets: bytes, limit: int) -> tuple[bytes, int]:
    """The protocol and where the line ends: one octet after the other."""
    word = b""
    for at in range(6, limit):
        need(octets, at + 1)
        octet = octets[at : at + 1]
        if octets[at - 1] == 0x0D:
            if octet != b"\n":
                raise Refused("line", at - 1)
            return word, at + 1
        if octet == b"\n":
            raise Refused("line", at)
        so_far = octets[6 : at + 1]
        if word not in WORDS:
            word = so_far
            if not any(whole.startswith(word) for whole in WORDS):
                raise Refused("line", at)
        elif len(so_far) == len(word) + 1:
            if octet != b" " and not (octet == b"\r" and word == b"UNKNOWN"):
                raise Refused("line", at)
        elif octet != b"\r" and octet not in ALPHABET.get(word, octet):
            raise Refused("line", at)
    need(octets, limit)
    raise Refused("oversize", limit)


def host4(text: bytes) -> bytes | None:
    octet = rb"(0|[1-9][0-9]{0,2})"
    found = re.fullmatch(rb"\.".join([octet] * 4), text)
    if not found or any(int(part) > 255 for part in found.groups()):
        return None
    return bytes(int(part) for part in found.groups())


def host6(text: bytes) -> bytes | None:
    head, dots, tail = text.partition(b"::")
    if b"::" in tail:
        return None
    front = groups(head, last=not dots)
    back = groups(tail, last=True)
    if front is None or back is None:
        return None
    missing = 16 - len(front) - len(back)
    if missing < 0 or bool(missing) != bool(dots):
        return None
    return front + bytes(missing) + back


def groups(text: bytes, *, last: bool) -> bytes | None:
    packed = b""
    parts = text.split(b":") if text else []
    for index, part in enumerate(parts):
        if last and b"." in part and index == len(parts) - 1:
            dotted = host4(part)
            if dotted is None:
                return None
            packed += dotted
        elif re.fullmatch(rb"[0-9A-Fa-f]{1,4}", part):
            packed += int(part, 16).to_bytes(2, "big")
        else:
            return None
    return packed


def port(text: bytes) -> bytes | None:
    if not re.fullmatch(rb"0|[1-9][0-9]{0,4}", text) or int(text) > 65535:
        return None
    return int(text).to_bytes(2, "big")

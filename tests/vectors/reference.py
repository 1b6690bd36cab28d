"""A second reader of the three formats, written from spec.md and nothing else.

It takes a whole stream, is slow and plain, and shares no line with the package: what
both of them say of an input is what the specification says. The vectors are made with
it, and it is a place to start for whoever writes a third.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple

CD = bytes([0xCD, 0x03, 0x03])
MAGI = b"MAGI"
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a")
MAPPED = bytes(10) + b"\xff\xff"

LIMITS = {"magic": 2048, "proxy1": 107, "proxy2": 4096}
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
TAG = {0: 0, 1: 16, 2: 64}
MOST_TLVS = 32

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


class Refused(Exception):  # noqa: N818, it is a verdict on octets
    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset


class Tlv(NamedTuple):
    at: int
    type: int
    value: bytes


def decode(octets: bytes, form: str, limit: int | None = None) -> dict[str, Any]:
    """Return what `magic decode --json` prints of the stream, or raise `Refused`."""
    reader = {"magic": magic, "proxy1": proxy1, "proxy2": proxy2}[form]
    said = reader(octets, LIMITS[form] if limit is None else limit)
    return {"format": form, **said, "rest_length": len(octets) - said["length"]}


# --- octets, in order -------------------------------------------------------------


def need(octets: bytes, end: int) -> None:
    if len(octets) < end:
        raise Refused("truncated", len(octets))


def same(octets: bytes, at: int, wanted: bytes) -> None:
    for index, octet in enumerate(wanted, at):
        need(octets, index + 1)
        if octets[index] != octet:
            raise Refused("format", index)


def number(octets: bytes, at: int, size: int) -> int:
    need(octets, at + size)
    return int.from_bytes(octets[at : at + size], "big")


# --- MAGIC ------------------------------------------------------------------------


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
        proof["tag"] = octets[tlvs_end:end].hex()
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
    if bool(bound) != bool(bind):
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


# --- PROXY v2 ---------------------------------------------------------------------


def proxy2(octets: bytes, limit: int) -> dict[str, Any]:
    same(octets, 0, V2)
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


# --- PROXY v1 ---------------------------------------------------------------------


WORDS = (b"TCP4", b"TCP6", b"UNKNOWN")
ALPHABET = {b"TCP4": b"0123456789. ", b"TCP6": b"0123456789abcdefABCDEF:. "}


def proxy1(octets: bytes, limit: int) -> dict[str, Any]:
    same(octets, 0, b"PROXY ")
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


# --- what is said -----------------------------------------------------------------


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


# --- TLVs -------------------------------------------------------------------------


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

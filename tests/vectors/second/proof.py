"""Both proofs: the tag of MAGIC and the MAC of TLV E5 (spec.md sections 7 and 8)."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from tests.vectors.second.addresses import unmapped
from tests.vectors.second.octets import Refused
from tests.vectors.second.proxy1 import host4, host6, port

CONTEXT = {
    1: b"sslmagic/1 preamble hmac-sha256".ljust(32, b"\0"),
    2: b"sslmagic/1 preamble ed25519".ljust(32, b"\0"),
}
TAG = {1: 16, 2: 64}
PAST, FUTURE = 15_000, 5_000


class Hop(NamedTuple):
    """Both ends of the TCP connection that the preamble travels on."""

    gateway: str
    gateway_port: int
    node: str
    node_port: int

    def packed(self) -> bytes:
        ends = [
            unmapped(ipaddress.ip_address(host).packed)
            for host in (self.gateway, self.node)
        ]
        ports = self.gateway_port << 16 | self.node_port
        return b"".join(ends) + ports.to_bytes(4, "big")


class Demand(NamedTuple):
    """What a receiver holds against a preamble: all of it is its own knowledge."""

    profile: int
    key: bytes
    """32 octets of secret; for profile 2 the public key."""
    key_id: int
    audience: str
    bind: int
    now: int
    hop: Hop | None = None


def message(
    profile: int, before: bytes, audience: str, hop: Hop | None, bound: bytes
) -> bytes:
    """Return M."""
    name = audience.encode()
    path = hop.packed() if hop else b""
    return (
        CONTEXT[profile]
        + len(name).to_bytes(2, "big")
        + name
        + len(path).to_bytes(2, "big")
        + path
        + len(before).to_bytes(4, "big")
        + before
        + hashlib.sha256(bound).digest()
    )


def tag(profile: int, key: bytes, signed: bytes) -> bytes:
    if profile == 1:
        return hmac.new(key, signed, hashlib.sha256).digest()[:16]
    return Ed25519PrivateKey.from_private_bytes(key).sign(signed)


def verify(demand: Demand, preamble: bytes, stream: bytes) -> None:
    """Raise `Refused` unless the framed *preamble* before *stream* is proven."""
    if preamble[11] != demand.profile:
        raise Refused("proof", 11)
    bind = 0 if preamble[9] & 15 == 0 else demand.bind
    if preamble[12] != bind:
        raise Refused("proof", 12)
    if preamble[13] != (1 if demand.hop else 0):
        raise Refused("proof", 13)
    if int.from_bytes(preamble[16:20], "big") != demand.key_id:
        raise Refused("proof", 16)
    age = demand.now - int.from_bytes(preamble[20:28], "big")
    if not -FUTURE <= age <= PAST:
        raise Refused("proof", 20)
    length = int.from_bytes(preamble[14:16], "big")
    bound = stream[:length]
    end = len(preamble) - TAG[demand.profile]
    signed = message(demand.profile, preamble[:end], demand.audience, demand.hop, bound)
    if len(bound) < length or not right(demand, signed, preamble[end:]):
        raise Refused("proof", end)
    if bind == 2 and not one_hello(bound):
        raise Refused("proof", 12)


def right(demand: Demand, signed: bytes, found: bytes) -> bool:
    if demand.profile == 1:
        return hmac.compare_digest(tag(1, demand.key, signed), found)
    try:
        Ed25519PublicKey.from_public_bytes(demand.key).verify(found, signed)
    except InvalidSignature:
        return False
    return True


def one_hello(bound: bytes) -> bool:
    """Whether these are whole records and the first ClientHello ends in the last."""
    gathered = b""
    at = 0
    while at < len(bound):
        size = int.from_bytes(bound[at + 3 : at + 5], "big")
        if (
            bound[at : at + 2] != b"\x16\x03"
            or not 1 <= size <= 16384
            or at + 5 + size > len(bound)
        ):
            return False
        if len(gathered) >= 4 and len(gathered) >= hello_size(gathered):
            return False
        gathered += bound[at + 5 : at + 5 + size]
        at += 5 + size
    return gathered[:1] == b"\x01" and 4 <= hello_size(gathered) <= len(gathered)


def hello_size(gathered: bytes) -> int:
    return 4 + int.from_bytes(gathered[1:4], "big")


# --- TLV E5 -----------------------------------------------------------------------

PREFIX = b"sslmagic/1 proxy2-e5|"
E5 = re.compile(
    rb"v1\|([1-9][0-9]{0,9})\|(0|[1-9][0-9]{0,19})\|([a-z0-9.-]{1,64})"
    rb"\|([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|([0-9A-F]{64})"
)


def e5_mac(key: bytes, said: bytes, record: bytes) -> bytes:
    """Return 64 upper-case digits; *record* is the body of the first TLS record."""
    digest = hashlib.sha256(record).hexdigest().upper().encode()
    mac = hmac.new(key, PREFIX + said + b"|" + digest, hashlib.sha256)
    return mac.hexdigest().upper().encode()


def e5_verify(demand: Demand, block: bytes, value: bytes, stream: bytes) -> None:
    """Raise `Refused` unless *value* proves the address *block* before *stream*."""
    found = E5.fullmatch(value)
    if not found:
        raise Refused("proof", 0)
    key_id, created, audience, *ends, mac = found.groups()
    if int(key_id) != demand.key_id or audience.decode() != demand.audience:
        raise Refused("proof", 0)
    if not -FUTURE <= demand.now - int(created) <= PAST:
        raise Refused("proof", 0)
    size = int.from_bytes(stream[3:5], "big")
    record = stream[5 : 5 + size]
    whole = stream[:1] == b"\x16" and stream[1:2] == b"\x03" and len(record) == size
    if not whole or record[:1] != b"\x01" or hello_size(record) != size:
        raise Refused("proof", 0)
    said = value[: -len(mac) - 1]
    if not hmac.compare_digest(e5_mac(demand.key, said, record), mac):
        raise Refused("proof", 0)
    half = (len(block) - 4) // 2
    packed = [unmapped(block[:half]), unmapped(block[half : 2 * half])]
    claimed = [literal(ends[0]), literal(ends[2])]
    if claimed != packed or b"".join(map(number2, ends[1::2])) != block[-4:]:
        raise Refused("proof", 0)


def literal(text: bytes) -> bytes | None:
    packed = host4(text) or host6(text)
    return packed and unmapped(packed)


def number2(text: bytes) -> bytes:
    return port(text) or b""

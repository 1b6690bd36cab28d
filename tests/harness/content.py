"""What is said on a connection: preambles right and wrong, and what follows them."""

from __future__ import annotations

import random
import ssl
from typing import Any

from scapy.packet import Packet, fuzz

from sslmagic.dissect.scapy_layer import (
    CRC32CTLV,
    MAGIC,
    SSLTLV,
    TLV,
    AuthorityTLV,
    NoopTLV,
    PROXYv1,
    PROXYv2,
    UniqueIdTLV,
    VersionTLV,
)
from tests.vectors.vector import Vector, vectors

__all__ = ["HELLO", "stream", "valid"]


def _hello() -> bytes:
    """A ClientHello as OpenSSL sends it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


HELLO = _hello()


def valid(
    chance: random.Random,
    *,
    format: str | None = None,
    local: bool = True,
    version: int | None = None,
) -> bytes:
    """A preamble of some client, or of nobody if *local*, crafted by scapy."""
    name = format or chance.choice(("magic", "proxy1", "proxy2"))
    six = chance.random() < 0.4 if version is None else version == 6
    host = f"2001:db8::{chance.getrandbits(16):x}" if six else _ipv4(chance)
    ends: dict[str, Any] = {
        "source": host,
        "destination": "2001:db8:ffff::2" if six else "198.51.100.2",
        "source_port": chance.randint(1, 65535),
    }
    if name == "proxy1":
        return bytes(PROXYv1(**ends))
    layer = MAGIC if name == "magic" else PROXYv2
    if local and chance.random() < 0.1:
        return bytes(layer(cmd="LOCAL"))
    return bytes(layer(tlvs=_tlvs(chance), **ends))


def stream(chance: random.Random) -> bytes:
    """What one client sends: mostly a preamble, broken now and then, and the rest."""
    match chance.randrange(8):
        case 0:
            vector = chance.choice(_vectors())
            front = vector.octets
        case 1:
            front = _fuzzed(chance)
        case 2:
            octets = bytearray(valid(chance))
            for _ in range(chance.randint(1, 3)):
                octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
            front = bytes(octets)
        case _:
            front = valid(chance)
    return front + following(chance)


def following(chance: random.Random) -> bytes:
    """What stands behind a preamble: TLS, something else, another preamble, nothing."""
    match chance.randrange(6):
        case 0:
            return b""
        case 1:
            return chance.randbytes(chance.randint(1, 4000))
        case 2:
            return valid(chance)
        case _:
            return HELLO + chance.randbytes(chance.choice((0, 0, 200)))


def _fuzzed(chance: random.Random) -> bytes:
    layers: list[Packet] = [
        MAGIC(tlvs=[AuthorityTLV(), UniqueIdTLV(), NoopTLV()]),
        MAGIC(profile=chance.choice((1, 2)), tlvs=[AuthorityTLV()]),
        PROXYv1(),
        PROXYv2(tlvs=[SSLTLV(tlvs=[VersionTLV()]), CRC32CTLV(), TLV()]),
    ]
    # scapy draws from the interpreter's own generator.
    random.seed(chance.getrandbits(64))
    return bytes(fuzz(chance.choice(layers)))


def _tlvs(chance: random.Random) -> list[Packet]:
    made: list[Packet] = [
        AuthorityTLV(),
        NoopTLV(value=bytes(chance.choice((0, 3, 90)))),
        UniqueIdTLV(value=chance.randbytes(16)),
        SSLTLV(tlvs=[VersionTLV()]),
        TLV(type=0xE7, value=chance.randbytes(chance.randint(0, 60))),
        CRC32CTLV(),
    ]
    return chance.sample(made, chance.choice((0, 0, 1, 3, 6)))


def _ipv4(chance: random.Random) -> str:
    return f"203.0.113.{chance.randint(1, 254)}"


def _vectors() -> tuple[Vector, ...]:
    return tuple(one for one in vectors() if one.limit is None and len(one.octets) > 1)

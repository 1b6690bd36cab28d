"""Octets for the cases: each part right unless the case says otherwise."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from tests.vectors.second.tlvs import crc32c

SIGNATURE2 = bytes.fromhex("0d0a0d0a000d0a515549540a")
CLIENT, SERVER = "203.0.113.9", "198.51.100.2"
CLIENT6, SERVER6 = "2001:db8::9", "2001:db8:ffff::2"


class Case(NamedTuple):
    """An input, and what a receiver must say of it."""

    id: str
    rule: str
    """The clause of spec.md that is kept or broken."""
    comment: str
    wire: bytes
    result: str = "valid"
    """`valid` or a reason of spec.md section 9."""
    offset: int | None = None
    """Of the refusal; None where the clause does not fix it."""
    rest: bytes = b""
    """What follows the preamble."""
    limit: int | None = None
    """The receiver's limit; None is the default of the format."""


def packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed


def pair(
    source: str = CLIENT,
    destination: str = SERVER,
    source_port: int = 51234,
    destination_port: int = 443,
) -> bytes:
    """An address block of IPv4 or IPv6 addresses."""
    ports = source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    return packed(source) + packed(destination) + ports


def pair6(
    source: str = CLIENT6, destination: str = SERVER6, port: int = 51234
) -> bytes:
    return pair(source, destination, port)


def paths(source: bytes = b"/run/client", destination: bytes = b"/run/server") -> bytes:
    """An address block of UNIX paths."""
    return source.ljust(108, b"\0") + destination.ljust(108, b"\0")


def tlv(kind: int, value: bytes = b"", *, length: int | None = None) -> bytes:
    claimed = len(value) if length is None else length
    return bytes([kind]) + claimed.to_bytes(2, "big") + value


def ssl(client: int = 1, verify: int = 0, subs: bytes = b"") -> bytes:
    return tlv(0x20, bytes([client]) + verify.to_bytes(4, "big") + subs)


def magic(
    body: bytes | None = None,
    *,
    command: int = 0x11,
    transport: int = 0x11,
    profile: int = 0,
    prefix: bytes = b"\xcd\x03\x03",
    name: bytes = b"MAGI",
    length: int | None = None,
) -> bytes:
    """A MAGIC preamble: *body* is all that follows the twelve octets of the head."""
    inner = name + bytes([command, transport, profile])
    inner += pair() if body is None else body
    claimed = len(inner) if length is None else length
    return prefix + claimed.to_bytes(2, "big") + inner


def local(body: bytes = b"", *, profile: int = 0) -> bytes:
    """A MAGIC preamble with the command LOCAL."""
    return magic(body, command=0x10, transport=0, profile=profile)


def proxy2(
    body: bytes | None = None,
    *,
    command: int = 0x21,
    transport: int = 0x11,
    signature: bytes = SIGNATURE2,
    length: int | None = None,
) -> bytes:
    """A PROXY v2 header: *body* is all that follows its sixteen octets."""
    inner = pair() if body is None else body
    claimed = len(inner) if length is None else length
    head = signature + bytes([command, transport]) + claimed.to_bytes(2, "big")
    return head + inner


def summed(octets: bytes, *, wrong: int = 0) -> bytes:
    """The same octets with the value of their first CRC32C TLV worked out."""
    at = octets.index(b"\x03\x00\x04\0\0\0\0", 12) + 3
    value = crc32c(octets) ^ wrong
    return octets[:at] + value.to_bytes(4, "big") + octets[at + 4 :]


CRC = tlv(3, bytes(4))
HTTP = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"

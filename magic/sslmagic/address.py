"""IP addresses between text and packed octets, and what may be a client's.

Packed addresses are 4 or 16 octets, big-endian. Nothing here asks the system: the
text form is checked strictly (no leading zeros, no zone, no shorthand for IPv4), so
that one address has one reading.
"""

from __future__ import annotations

import ipaddress

__all__ = [
    "MAPPED",
    "host_text",
    "is_loopback",
    "pack_host",
    "source_fault",
    "unmapped",
]

MAPPED = bytes(10) + b"\xff\xff"
"""The first 12 octets of an IPv4-mapped IPv6 address, ::ffff:0:0/96."""

_OCTETS = {str(value): value for value in range(256)}
_COMPATIBLE = bytes(12)
_LOOPBACK6 = bytes(15) + b"\x01"


def pack_host(host: str) -> bytes:
    """Return the 4 or 16 octets of a literal address; a mapped one gives its 4.

    Raises:
        ValueError: *host* is no literal address, or carries a zone.
    """
    try:
        # A look-up per octet is the strict grammar: "01", "+1" and "1_0" are no keys.
        a, b, c, d = host.split(".")
        return bytes((_OCTETS[a], _OCTETS[b], _OCTETS[c], _OCTETS[d]))
    except (ValueError, KeyError):
        pass
    if ":" not in host or "%" in host:
        raise ValueError(f"{host!r} is no literal IP address")
    return unmapped(ipaddress.IPv6Address(host).packed)


def host_text(packed: bytes) -> str:
    """Return the canonical text of 4 or 16 octets; a mapped address as IPv4."""
    if len(packed) == 16:
        packed = unmapped(packed)
    if len(packed) == 4:
        return "%d.%d.%d.%d" % (packed[0], packed[1], packed[2], packed[3])
    return str(ipaddress.IPv6Address(packed))


def unmapped(packed: bytes) -> bytes:
    """Return the 4 octets inside an IPv4-mapped address, others as they are."""
    return packed[12:] if packed[:12] == MAPPED and len(packed) == 16 else packed


def is_loopback(packed: bytes) -> bool:
    """Return whether this is 127.0.0.0/8 or ::1, mapped or not."""
    if len(packed) == 16:
        packed = unmapped(packed)
    return packed[0] == 127 if len(packed) == 4 else packed == _LOOPBACK6


def source_fault(packed: bytes) -> str | None:
    """Return why this address cannot be a client's, or None (spec.md section 4.3).

    Loopback can: whether it is believed is a question of trust.
    """
    packed = unmapped(packed)
    if len(packed) == 4:
        if packed == b"\0\0\0\0":
            return "the unspecified address"
        if 224 <= packed[0] <= 239:
            return "a multicast address"
        if packed == b"\xff\xff\xff\xff":
            return "the broadcast address"
        return None
    if packed[0] == 0xFF:
        return "a multicast address"
    if packed[:12] == _COMPATIBLE and packed != _LOOPBACK6:
        if packed == bytes(16):
            return "the unspecified address"
        return "an address of ::/96"
    return None

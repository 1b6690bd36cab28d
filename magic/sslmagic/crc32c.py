"""CRC32C, the checksum that TLV 03 carries over a whole preamble.

Castagnoli's polynomial 0x1EDC6F41, reflected; start and final XOR FFFFFFFF, as
proxy-protocol.txt section 2.2.3 has it from RFC 4960 appendix B.
"""

from __future__ import annotations

__all__ = ["crc32c"]

_REFLECTED = 0x82F63B78


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_REFLECTED if value & 1 else 0)
    return value


_TABLE = tuple(_row(value) for value in range(256))


def crc32c(octets: bytes) -> int:
    """Return the checksum of *octets*, 0 to 2**32 - 1."""
    value = 0xFFFFFFFF
    for octet in octets:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF

"""Preambles that no decoder takes: one octet or more of each is what none may be."""

from __future__ import annotations

from typing import Final

from sslmagic.crc32c import crc32c
from sslmagic.dissect.faults.draft import Draft, addressed, client, refused
from sslmagic.errors import EncodeError
from sslmagic.preamble import Command, Transport
from sslmagic.tlv import Type
from sslmagic.wire import encode

__all__ = [
    "address",
    "checksum",
    "command",
    "family",
    "length",
    "line",
    "oversize",
    "profile",
    "signature",
    "tlv",
    "version",
]

_VERSION: Final = {"magic": 9, "proxy2": 12}
"""Where version and command stand."""
_FAMILY: Final = {"magic": 10, "proxy2": 13}
_LENGTH: Final = {"magic": 3, "proxy2": 14}
_HEAD: Final = {"magic": 12, "proxy2": 16}
"""Octets in front of the address block."""
_COUNTED: Final = {"magic": 5, "proxy2": 16}
"""Octets that the length does not count."""
_SIGNATURE: Final = {"magic": 5, "proxy1": 4, "proxy2": 11}
"""An octet of the signature, behind the one that tells the format."""


def signature(draft: Draft) -> Draft:
    """Spoil an octet of the signature, not the one that tells the format."""
    at = _SIGNATURE[draft.format]
    changed = bytes([draft.octets[at] ^ 0x20])
    return refused(draft, "format", _put(draft.octets, at, changed), at)


def version(draft: Draft) -> Draft:
    """Claim version 3."""
    at = _VERSION[draft.format]
    changed = bytes([0x30 | draft.octets[at] & 0x0F])
    return refused(draft, "version", _put(draft.octets, at, changed), at)


def command(draft: Draft) -> Draft:
    """Say command 2, neither LOCAL nor PROXY."""
    at = _VERSION[draft.format]
    changed = bytes([draft.octets[at] & 0xF0 | 2])
    return refused(draft, "command", _put(draft.octets, at, changed), at)


def family(draft: Draft) -> Draft:
    """Say address family 4."""
    addressed(draft)
    at = _FAMILY[draft.format]
    return refused(draft, "family", _put(draft.octets, at, b"\x41"), at)


def length(draft: Draft) -> Draft:
    """Leave the addresses an octet less than they take."""
    block = addressed(draft)
    at = _LENGTH[draft.format]
    short = _HEAD[draft.format] + len(block) - _COUNTED[draft.format] - 1
    return refused(draft, "length", _sized(draft, draft.octets, short), at)


def oversize(draft: Draft) -> Draft:
    """Be longer than any receiver's limit."""
    if draft.format == "proxy1":
        octets = b"PROXY UNKNOWN " + b"x" * 107 + b"\r\n"
        return refused(draft, "oversize", octets, 107)
    octets = _sized(draft, draft.octets, 0xFFFF)
    return refused(draft, "oversize", octets, _LENGTH[draft.format])


def line(draft: Draft) -> Draft:
    """End the line with LF alone."""
    octets = draft.octets.removesuffix(b"\r\n") + b"\n"
    return refused(draft, "line", octets, len(octets) - 1)


def address(draft: Draft) -> Draft:
    """Name a multicast address as the source."""
    block = addressed(draft)
    if draft.preamble.transport is Transport.UNIX:
        raise EncodeError("a UNIX path has no address that no client has")
    if draft.format == "proxy1":
        multicast = b"224.0.0.9" if len(block) == 12 else b"ff02::9"
        head, source = b"PROXY TCPx ", str(client(draft).host).encode()
        rest = draft.octets[len(head) + len(source) :]
        octets = draft.octets[: len(head)] + multicast + rest
        return refused(draft, "address", octets, len(head))
    multicast = b"\xe0\0\0\x09" if len(block) == 12 else b"\xff\x02" + bytes(14)
    at = _HEAD[draft.format]
    return refused(draft, "address", _put(draft.octets, at, multicast), at)


def tlv(draft: Draft) -> Draft:
    """Leave two octets behind the last TLV."""
    if draft.format == "proxy2" and draft.preamble.command is Command.LOCAL:
        raise EncodeError("nobody reads what stands behind a LOCAL of proxy2")
    end = len(draft.octets)
    octets = draft.octets + b"\x04\x00"
    octets = _sized(draft, octets, len(octets) - _COUNTED[draft.format])
    return refused(draft, "tlv", octets, end)


def checksum(draft: Draft) -> Draft:
    """Add a CRC32C that is wrong in one bit."""
    if draft.preamble.tlv(Type.CRC32C) or not draft.preamble.source:
        raise EncodeError("the fault brings a CRC32C of its own, beside addresses")
    bare = encode(draft.preamble, draft.format)
    octets = bare + bytes([Type.CRC32C, 0, 4]) + bytes(4)
    octets = _sized(draft, octets, len(octets) - _COUNTED[draft.format])
    right = crc32c(octets)
    octets = octets[:-4] + (right ^ 1).to_bytes(4, "big")
    return refused(draft, "checksum", octets, len(octets) - 4)


def profile(draft: Draft) -> Draft:
    """Name a profile of proof that is not defined."""
    return refused(draft, "profile", _put(draft.octets, 11, b"\x09"), 11)


def _put(octets: bytes, at: int, value: bytes) -> bytes:
    return octets[:at] + value + octets[at + len(value) :]


def _sized(draft: Draft, octets: bytes, length: int) -> bytes:
    return _put(octets, _LENGTH[draft.format], length.to_bytes(2, "big"))

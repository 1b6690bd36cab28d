"""What the three formats have in common: a frame, its proof block, its checksum.

Framing finds where a preamble ends and which proof it carries, and reads no address:
so that a receiver can check the proof between `frame` and `parse`.
"""

from __future__ import annotations

from typing import NamedTuple

from sslmagic.crc32c import crc32c
from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Command, Preamble, checked
from sslmagic.tlv import TLV, Type

__all__ = [
    "Frame",
    "Framing",
    "ProofBlock",
    "check_checksum",
    "check_prefix",
    "directed_block",
    "fill_checksum",
    "with_checksum",
]


_CRC32C = int(Type.CRC32C)


class Framing(NamedTuple):
    """How far the octets of a preamble have come."""

    length: int
    """Octets of the whole preamble; 0 while that cannot be told."""
    wanted: int
    """How many more are surely the preamble's; 0 when it is whole."""


class ProofBlock(NamedTuple):
    """The proof of a signed MAGIC preamble as it stands there (spec.md section 7).

    Nothing of it is verified: that is what `sslmagic.proof` does.
    """

    profile: int
    """1 HMAC-SHA-256-128, 2 Ed25519."""
    bind: int
    """What the tag covers behind the preamble: 0 nothing, 1 octets, 2 ClientHello."""
    flags: int
    """Bit 0: the hop's addresses are in the MAC."""
    bound: int
    """Octets after the preamble that the tag covers."""
    key_id: int
    """1 to 2**32 - 1."""
    created: int
    """Unix time in milliseconds."""
    nonce: bytes
    """16 random octets."""
    tag: bytes
    """16 octets (HMAC) or 64 (Ed25519)."""


class Frame(NamedTuple):
    """A whole preamble, not parsed."""

    format: str
    """`magic`, `proxy1` or `proxy2`."""
    octets: bytes
    """The preamble, from its first octet to its last."""
    proof: ProofBlock | None = None
    """What it says to prove itself; None for an unsigned one."""


def check_prefix(octets: bytes, start: int, expected: bytes, what: str) -> None:
    """Raise `DecodeError` at the first octet that differs from *expected*."""
    found = octets[start : start + len(expected)]
    if expected.startswith(found):
        return
    offset = next(i for i, octet in enumerate(found) if octet != expected[i])
    raise DecodeError(
        f"octet {found[offset]:02X} where {what} has {expected[offset]:02X}",
        reason=Reason.FORMAT,
        offset=start + offset,
    )


def check_checksum(octets: bytes, start: int, tlvs: tuple[TLV, ...]) -> None:
    """Raise `DecodeError` if a CRC32C among *tlvs* does not match.

    *start* is where the TLVs begin in *octets*, the whole preamble.
    """
    if (at := _checksum_at(start, tlvs)) is None:
        return
    found = octets[at : at + 4]
    if _checksum(octets, at) != found:
        raise DecodeError(
            f"CRC32C is {found.hex()}, the octets give {_checksum(octets, at).hex()}",
            reason=Reason.CHECKSUM,
            offset=at,
        )


def fill_checksum(octets: bytes, start: int, tlvs: tuple[TLV, ...]) -> bytes:
    """Return *octets* with the value of an all-zero CRC32C TLV filled in.

    Raises:
        EncodeError: the TLV holds another value than the right one.
    """
    if (at := _checksum_at(start, tlvs)) is None:
        return octets
    right = _checksum(octets, at)
    if octets[at : at + 4] not in (right, bytes(4)):
        raise EncodeError(
            f"TLV CRC32C holds {octets[at : at + 4].hex()}, right is {right.hex()}:"
            " leave it zero to have it filled in"
        )
    return octets[:at] + right + octets[at + 4 :]


def directed_block(preamble: Preamble) -> bytes:
    """Return the address block of a preamble, which says where its client connected.

    Raises:
        EncodeError: it does not say it, and zeros in its place would be a claim.
    """
    if preamble.lacks_destination:
        raise EncodeError(
            "the preamble does not say where its client connected, and this format"
            " must: give a destination"
        )
    return preamble.block


def with_checksum(preamble: Preamble) -> Preamble:
    """Return *preamble* with a CRC32C TLV at the end, to be filled in."""
    if preamble.tlv(Type.CRC32C):
        return preamble
    tlvs = (*preamble.tlvs, TLV(Type.CRC32C, bytes(4)))
    if preamble.command is Command.LOCAL:
        return Preamble.local(tlvs)
    return checked(preamble.transport, directed_block(preamble), tlvs)


def _checksum(octets: bytes, at: int) -> bytes:
    return crc32c(octets[:at] + bytes(4) + octets[at + 4 :]).to_bytes(4, "big")


def _checksum_at(start: int, tlvs: tuple[TLV, ...]) -> int | None:
    at = start
    for kind, value in tlvs:
        if kind == _CRC32C:
            return at + 3
        at += 3 + len(value)
    return None

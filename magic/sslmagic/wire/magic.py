"""MAGIC version 1: one preamble in the shape of a TLS record (spec.md section 3).

 0  CD 03 03     content type and record version that no TLS stack takes
 3  length       octets after this field
 5  "MAGI"
 9  1c           version 1, command
10  family and transport     11  profile
12  proof block, 32 octets, unless the profile is 0
    address block, TLVs, tag
"""

from __future__ import annotations

import struct

from sslmagic.block import Transport, block_fault
from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Command, Preamble, checked, plain_reader
from sslmagic.tlv import TLV, Type, pack_tlvs, parse_tlvs
from sslmagic.wire.frame import (
    Frame,
    Framing,
    ProofBlock,
    check_checksum,
    check_prefix,
    directed_block,
    fill_checksum,
    with_checksum,
)

__all__ = [
    "LIMIT",
    "MOST_BOUND",
    "PLAIN",
    "PROOF_BLOCK",
    "SENDER_LIMIT",
    "SIGNATURE_LENGTH",
    "TAG_LENGTH",
    "compose",
    "encode",
    "frame",
    "is_signature",
    "parse",
    "plain",
    "proof",
]

LIMIT = 2048
"""Octets that a receiver takes by default: room for a certificate name or two, and
little enough to hold for every connection that waits."""
SENDER_LIMIT = 536
"""Octets that a sender makes at most by default: the smallest segment of IPv4 that
every path carries whole, as proxy-protocol.txt section 2 argues."""
MOST_BOUND = 17408
"""Octets after the preamble that a tag may cover: a 16 KiB record, its head, and
room for a hello cut into many records."""
MOST_TLVS = 32
TAG_LENGTH = {0: 0, 1: 16, 2: 64}
"""Octets of the tag by profile."""
PROOF_BLOCK = struct.Struct("!BBHIQ16s")
"""Bind, flags, bound, key id, created, nonce."""
SIGNATURE_LENGTH = 9
"""Octets that tell MAGIC from anything else: CD 03 03, the length, and "MAGI"."""

_TYPE = b"\xcd\x03\x03"
_NAME = b"MAGI"
_HEAD = 12
_TRANSPORTS = {t.value: t for t in (Transport.TCP4, Transport.TCP6, Transport.UNIX)}
PLAIN = {
    Transport.TCP4: _TYPE + b"\x00\x13" + _NAME + b"\x11\x11\x00",
    Transport.TCP6: _TYPE + b"\x00\x2b" + _NAME + b"\x11\x21\x00",
}
"""The heads of the commonest preambles, unsigned and without TLVs: such a head and the
address block are the whole preamble."""
_PLAIN_FRAMES = {
    head: Framing(_HEAD + transport.block_length, 0)
    for transport, head in PLAIN.items()
}

plain = plain_reader(PLAIN)


def is_signature(octets: bytes) -> bool:
    """Return whether *octets* start, or as far as they go may start, a preamble."""
    return _TYPE.startswith(octets[:3]) and _NAME.startswith(octets[5:9])


def encode(
    preamble: Preamble, *, limit: int = SENDER_LIMIT, crc32c: bool = False
) -> bytes:
    """Return the octets of an unsigned preamble.

    Raises:
        EncodeError: MAGIC cannot carry it, or it is longer than *limit* octets.
    """
    if crc32c:
        preamble = with_checksum(preamble)
    octets = compose(preamble, profile=0, proof=b"", limit=limit)
    start = _HEAD + len(preamble.block)
    return fill_checksum(octets, start, preamble.tlvs)


def compose(preamble: Preamble, *, profile: int, proof: bytes, limit: int) -> bytes:
    """Return all octets before the tag, the length field already with the tag's.

    Raises:
        EncodeError: MAGIC cannot carry it, or it is longer than *limit* octets.
    """
    transport = preamble.transport
    if preamble.command is Command.PROXY and transport not in _TRANSPORTS:
        raise EncodeError(f"MAGIC does not carry PROXY of {transport.label}")
    if len(preamble.tlvs) > MOST_TLVS:
        raise EncodeError(f"{len(preamble.tlvs)} TLVs: MAGIC carries {MOST_TLVS}")
    if profile and preamble.tlv(Type.CRC32C):
        raise EncodeError("CRC32C does not stand beside a tag")
    body = proof + directed_block(preamble) + pack_tlvs(preamble.tlvs, strict=True)
    total = _HEAD + len(body) + TAG_LENGTH[profile]
    limit = min(limit, 0xFFFF + 5)
    if total > limit:
        raise EncodeError(f"a preamble of {total} octets, where {limit} is the limit")
    said = bytes((0x10 | preamble.command, transport, profile))
    return _TYPE + (total - 5).to_bytes(2, "big") + _NAME + said + body


def frame(octets: bytes, limit: int = LIMIT) -> Framing:
    """Return how far the preamble at the front of *octets* has come.

    Raises:
        DecodeError: at the first octet that no preamble has there.
    """
    have = len(octets)
    framing = _PLAIN_FRAMES.get(octets[:_HEAD])
    if framing is not None and framing.length <= have and framing.length <= limit:
        return framing
    check_prefix(octets, 0, _TYPE, "MAGIC")
    if have < 5:
        return Framing(0, _HEAD - have)
    total = 5 + (octets[3] << 8 | octets[4])
    if total < _HEAD:
        raise _short(total, _HEAD)
    if total > limit:
        raise DecodeError(
            f"a preamble of {total} octets, where {limit} is the limit",
            reason=Reason.OVERSIZE,
            offset=3,
        )
    check_prefix(octets, 5, _NAME, "MAGIC")
    if have > 9:
        _check_head(octets, total)
    return Framing(total, max(total - have, 0))


def proof(octets: bytes) -> ProofBlock | None:
    """Return the proof that a whole preamble carries."""
    profile = octets[11]
    if profile == 0:
        return None
    bind, flags, bound, key_id, created, nonce = PROOF_BLOCK.unpack_from(octets, _HEAD)
    tag = octets[len(octets) - TAG_LENGTH[profile] :]
    return ProofBlock(profile, bind, flags, bound, key_id, created, nonce, tag)


def parse(frame: Frame) -> Preamble:
    """Return what a framed preamble says; its proof, if any, is checked before.

    Raises:
        DecodeError: an address or TLV breaks spec.md.
    """
    octets = frame.octets
    if (found := plain(octets)) is not None:
        return found[0]
    profile = octets[11]
    start = _HEAD + (PROOF_BLOCK.size if profile else 0)
    end = len(octets) - TAG_LENGTH[profile]
    if not octets[9] & 0x0F:
        return Preamble.local(_tlvs(octets, start, end, profile))
    transport = _TRANSPORTS[octets[10]]
    tlvs_at = start + transport.block_length
    block = octets[start:tlvs_at]
    if fault := block_fault(transport, block):
        raise DecodeError(fault[1], reason=Reason.ADDRESS, offset=start + fault[0])
    return checked(transport, block, _tlvs(octets, tlvs_at, end, profile))


def _tlvs(octets: bytes, start: int, end: int, profile: int) -> tuple[TLV, ...]:
    tlvs = parse_tlvs(octets, start, end, strict=True)
    if len(tlvs) > MOST_TLVS:
        offset = start + sum(3 + len(tlv.value) for tlv in tlvs[:MOST_TLVS])
        raise DecodeError(
            f"{len(tlvs)} TLVs, where {MOST_TLVS} is the limit",
            reason=Reason.TLV,
            offset=offset,
        )
    if profile:
        at = start
        for kind, value in tlvs:
            if kind == Type.CRC32C:
                raise DecodeError(
                    "CRC32C does not stand beside a tag", reason=Reason.TLV, offset=at
                )
            at += 3 + len(value)
    check_checksum(octets, start, tlvs)
    return tlvs


def _check_head(octets: bytes, total: int) -> None:
    have = len(octets)
    version, command = octets[9] >> 4, octets[9] & 0x0F
    if version != 1:
        raise DecodeError(
            f"MAGIC version {version}, known is 1", reason=Reason.VERSION, offset=9
        )
    if command > Command.PROXY:
        raise DecodeError(
            f"command {command} is neither LOCAL nor PROXY",
            reason=Reason.COMMAND,
            offset=9,
        )
    if have < 11:
        return
    family = octets[10]
    if (family != 0) if command == Command.LOCAL else (family not in _TRANSPORTS):
        raise DecodeError(
            f"family and transport {family:02X} with {Command(command).name}",
            reason=Reason.FAMILY,
            offset=10,
        )
    if have < 12:
        return
    profile = octets[11]
    if profile not in TAG_LENGTH:
        raise DecodeError(
            f"profile {profile} is not defined", reason=Reason.PROFILE, offset=11
        )
    least = _HEAD + Transport(family).block_length
    if profile:
        least += PROOF_BLOCK.size + TAG_LENGTH[profile]
    if total < least:
        raise _short(total, least)
    if profile:
        _check_proof(octets, command)


def _check_proof(octets: bytes, command: int) -> None:
    have = len(octets)
    if have < 13:
        return
    bind = octets[12]
    if bind > (0 if command == Command.LOCAL else 2):
        raise _proof_fault(f"bind {bind} with {Command(command).name}", 12)
    if have < 14:
        return
    if octets[13] > 1:
        raise _proof_fault(f"flags {octets[13]:02X}: only bit 0 is defined", 13)
    if have < 16:
        return
    bound = octets[14] << 8 | octets[15]
    if (bound != 0) if bind == 0 else not 1 <= bound <= MOST_BOUND:
        raise _proof_fault(f"{bound} bound octets with bind {bind}", 14)
    if have < 20:
        return
    if octets[16:20] == bytes(4):
        raise _proof_fault("key id 0 is never valid", 16)


def _proof_fault(message: str, offset: int) -> DecodeError:
    return DecodeError(message, reason=Reason.PROFILE, offset=offset)


def _short(total: int, least: int) -> DecodeError:
    return DecodeError(
        f"a preamble of {total} octets, where {least} are the least",
        reason=Reason.LENGTH,
        offset=3,
    )

"""PROXY protocol version 2, the binary format (proxy-protocol.txt section 2.2).

 0  0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
12  2c           version 2, command
13  family and transport
14  length       octets after this field
16  address block, TLVs
"""

from __future__ import annotations

from sslmagic.block import Transport, block_fault, unmapped_block
from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Command, Preamble, checked, plain_reader
from sslmagic.tlv import pack_tlvs, parse_tlvs
from sslmagic.wire.frame import (
    Frame,
    Framing,
    check_checksum,
    check_prefix,
    directed_block,
    fill_checksum,
    with_checksum,
)

__all__ = [
    "LIMIT",
    "PLAIN",
    "SENDER_LIMIT",
    "SIGNATURE",
    "encode",
    "frame",
    "parse",
    "plain",
]

LIMIT = 4096
"""Octets that a receiver takes by default, the same as nginx takes."""
SENDER_LIMIT = 4096
"""Octets that a sender makes at most by default: more, and nginx refuses it."""
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

_HEAD = 16
_TRANSPORTS = {transport.value: transport for transport in Transport}
PLAIN = {
    Transport.TCP4: SIGNATURE + b"\x21\x11\x00\x0c",
    Transport.TCP6: SIGNATURE + b"\x21\x21\x00\x24",
}
"""The heads of the commonest preambles, those without TLVs: such a head and the
address block are the whole preamble."""
_PLAIN_FRAMES = {
    head: Framing(_HEAD + transport.block_length, 0)
    for transport, head in PLAIN.items()
}

plain = plain_reader(PLAIN)


def encode(
    preamble: Preamble, *, limit: int = SENDER_LIMIT, crc32c: bool = False
) -> bytes:
    """Return the octets of a preamble.

    Raises:
        EncodeError: it is longer than *limit* octets, or a TLV is wrong.
    """
    transport = preamble.transport
    block = directed_block(preamble)
    if crc32c:
        preamble = with_checksum(preamble)
    body = block + pack_tlvs(preamble.tlvs, strict=False)
    total = _HEAD + len(body)
    limit = min(limit, 0xFFFF + _HEAD)
    if total > limit:
        raise EncodeError(f"a preamble of {total} octets, where {limit} is the limit")
    said = bytes((0x20 | preamble.command, transport))
    octets = SIGNATURE + said + len(body).to_bytes(2, "big") + body
    return fill_checksum(octets, _HEAD + len(block), preamble.tlvs)


def frame(octets: bytes, limit: int = LIMIT) -> Framing:
    """Return how far the preamble at the front of *octets* has come.

    Raises:
        DecodeError: at the first octet that no preamble has there.
    """
    have = len(octets)
    framing = _PLAIN_FRAMES.get(octets[:_HEAD])
    if framing is not None and framing.length <= have and framing.length <= limit:
        return framing
    check_prefix(octets, 0, SIGNATURE, "PROXY v2")
    if have > 12:
        _check_said(octets)
    if have < _HEAD:
        return Framing(0, _HEAD - have)
    total = _HEAD + (octets[14] << 8 | octets[15])
    if total > limit:
        raise DecodeError(
            f"a preamble of {total} octets, where {limit} is the limit",
            reason=Reason.OVERSIZE,
            offset=14,
        )
    if octets[12] & 0x0F == Command.PROXY:
        transport = _TRANSPORTS[octets[13]]
        if total < _HEAD + transport.block_length:
            raise DecodeError(
                f"{total - _HEAD} octets after the head, where {transport.label}"
                f" takes {transport.block_length}",
                reason=Reason.LENGTH,
                offset=14,
            )
    return Framing(total, max(total - have, 0))


def parse(frame: Frame) -> Preamble:
    """Return what a framed preamble says.

    A LOCAL preamble says nothing more: neither family, addresses nor TLVs of it are
    looked at, since senders disagree on where its TLVs begin.

    Raises:
        DecodeError: an address or TLV breaks proxy-protocol.txt.
    """
    octets = frame.octets
    if (found := plain(octets)) is not None:
        return found[0]
    if octets[12] & 0x0F == Command.LOCAL:
        return Preamble.local()
    claimed = _TRANSPORTS[octets[13]]
    tlvs_at = _HEAD + claimed.block_length
    transport, block = unmapped_block(claimed, octets[_HEAD:tlvs_at])
    if fault := block_fault(transport, block):
        offset = _HEAD + _claimed_offset(claimed, transport, fault[0])
        raise DecodeError(fault[1], reason=Reason.ADDRESS, offset=offset)
    tlvs = parse_tlvs(octets, tlvs_at, len(octets), strict=False)
    check_checksum(octets, tlvs_at, tlvs)
    return checked(transport, block, tlvs)


def _check_said(octets: bytes) -> None:
    version, command = octets[12] >> 4, octets[12] & 0x0F
    if version != 2:
        raise DecodeError(
            f"version {version} behind the signature of 2",
            reason=Reason.VERSION,
            offset=12,
        )
    if command > Command.PROXY:
        raise DecodeError(
            f"command {command} is neither LOCAL nor PROXY",
            reason=Reason.COMMAND,
            offset=12,
        )
    # 2.2: LOCAL discards "the protocol block including the family".
    if len(octets) > 13 and command and octets[13] not in _TRANSPORTS:
        raise DecodeError(
            f"family and transport {octets[13]:02X} are not defined",
            reason=Reason.FAMILY,
            offset=13,
        )


def _claimed_offset(claimed: Transport, transport: Transport, offset: int) -> int:
    """Where a fault of the unmapped block stands in the block as it was sent."""
    if claimed is transport or offset == 0:
        return offset
    return 32

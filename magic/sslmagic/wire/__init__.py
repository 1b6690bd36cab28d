"""The formats of the wire, one module each, and the one way to encode.

Every format has `encode(preamble)`, `frame(octets)`, which finds the end and the proof,
and `parse(frame)`, which reads addresses and TLVs once the proof has been checked. The
tables hold the three of spec.md; a `Learnt` is a name of a format that is in no table
and has the three itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble, Transport
from sslmagic.wire import magic, proxy1, proxy2
from sslmagic.wire.frame import Frame, Framing, ProofBlock
from sslmagic.wire.learnt import Learnt

__all__ = [
    "FORMATS",
    "FRAMERS",
    "LIMITS",
    "LONGEST_SIGNATURE",
    "PARSERS",
    "SHORT_CUTS",
    "Format",
    "Frame",
    "Framing",
    "Learnt",
    "ProofBlock",
    "encode",
    "encode_tcp4",
    "may_be_signature",
    "signature",
]

Format = Literal["magic", "proxy1", "proxy2"]

FORMATS: tuple[Format, ...] = ("magic", "proxy1", "proxy2")
"""The names of the formats, in the order of preference."""

LONGEST_SIGNATURE = len(proxy2.SIGNATURE)

LIMITS = {"magic": magic.LIMIT, "proxy1": proxy1.LIMIT, "proxy2": proxy2.LIMIT}
"""The longest preamble of each format that a receiver takes by default, in octets."""

FRAMERS: dict[str, Callable[[bytes, int], Framing]] = {
    "magic": magic.frame,
    "proxy1": proxy1.frame,
    "proxy2": proxy2.frame,
}


class _Parsers(dict[str, Callable[[Frame], Preamble]]):
    """A parser for each format, by name."""

    def __missing__(self, format: str) -> Callable[[Frame], Preamble]:
        if isinstance(format, Learnt):
            return format.parse
        raise KeyError(format)


PARSERS = _Parsers(magic=magic.parse, proxy1=proxy1.parse, proxy2=proxy2.parse)
SHORT_CUTS: dict[str, Callable[[bytes], tuple[Preamble, bytes] | None]] = {
    "magic": magic.plain,
    "proxy1": proxy1.plain,
    "proxy2": proxy2.plain,
}
_ENCODERS = {"magic": magic.encode, "proxy1": proxy1.encode, "proxy2": proxy2.encode}
_PLAIN: dict[str, dict[Transport, bytes]] = {
    "magic": magic.PLAIN,
    "proxy1": {},
    "proxy2": proxy2.PLAIN,
}
_PLAIN4 = {name: heads[Transport.TCP4] for name, heads in _PLAIN.items() if heads}


def encode(
    preamble: Preamble,
    format: str = "magic",
    *,
    limit: int | None = None,
    crc32c: bool = False,
) -> bytes:
    """Return the octets of *preamble* in *format*.

    Args:
        limit: the most octets it may take; None for the format's own limit: 536 for
            MAGIC, 107 for PROXY v1, 4096 for PROXY v2, its longest for a layout.
        crc32c: add a CRC32C TLV.

    Raises:
        EncodeError: the format does not exist or cannot carry the preamble.
    """
    try:
        plain = _PLAIN[format]
    except KeyError:
        if isinstance(format, Learnt):
            if crc32c:
                raise EncodeError(f"{format} carries no TLVs") from None
            return format.write(preamble, limit=limit)
        raise EncodeError(f"{format!r} is none of {', '.join(FORMATS)}") from None
    if limit is None and not crc32c and not preamble.tlvs:
        # Most preambles are a constant and their block: a gateway makes one for every
        # connection, and this way takes half of the encoder's time.
        head = plain.get(preamble.transport)
        if head is not None and not preamble.lacks_destination:
            return head + preamble.block
    encoder = _ENCODERS[format]
    if limit is None:
        return encoder(preamble, crc32c=crc32c)
    return encoder(preamble, limit=limit, crc32c=crc32c)


def encode_tcp4(block: bytes, format: str) -> bytes:
    """Return the octets of a TCP4 preamble without TLVs, from its address block.

    What `encode` makes of `Preamble.packed`, without the `Preamble`, for a gateway:
    it says one for every connection.

    Raises:
        EncodeError: the block is not 12 octets, or its source cannot be a client.
    """
    head = _PLAIN4.get(format)
    is_plain = len(block) == 12 and 0 < block[0] < 224 and (block[8] or block[9])
    if head is not None and is_plain:
        return head + block
    return encode(Preamble.packed(Transport.TCP4, block), format)


def signature(octets: bytes) -> Format | None:
    """Return the format whose whole signature *octets* start with, or None.

    This is how a relay finds that what follows a preamble is another one (spec.md
    section 5.3); a receiver never chooses by it whether there is one.
    """
    if octets.startswith(proxy1.SIGNATURE):
        return "proxy1"
    if octets.startswith(proxy2.SIGNATURE):
        return "proxy2"
    if len(octets) >= magic.SIGNATURE_LENGTH and magic.is_signature(octets):
        return "magic"
    return None


def may_be_signature(octets: bytes) -> bool:
    """Return whether *octets* are a proper prefix of a signature, at most 11 octets."""
    if len(octets) < magic.SIGNATURE_LENGTH and magic.is_signature(octets):
        return True
    return any(
        len(octets) < len(whole) and whole.startswith(octets)
        for whole in (proxy1.SIGNATURE, proxy2.SIGNATURE)
    )

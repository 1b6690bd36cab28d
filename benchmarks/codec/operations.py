"""What is measured, and what each codec's operation yields: they are not all alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["OPERATIONS", "Operation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, measured on every codec that has it."""

    name: str
    title: str
    notes: Sequence[str]


OPERATIONS = (
    Operation(
        name="decode",
        title="Decode: octets of one whole preamble to a value",
        notes=(
            "sslmagic: decode() -> Preamble, addresses packed, every rule checked",
            "Go: Read(bufio.Reader) -> Header, two net.TCPAddr (packed), TLVs unread",
            "proxy-protocol: unpack() -> two ipaddress values, TLVs split",
            "Twisted: V1Parser/V2Parser.parse() -> addresses as text, TLVs unread",
        ),
    ),
    Operation(
        name="decode-text",
        title="Decode, and both endpoints read as text",
        notes=(
            "sslmagic: decode(), .source, .destination",
            "Go: Read, String() of both; proxy-protocol: unpack(), str() of both",
            "Twisted: as above, its addresses are text",
        ),
    ),
    Operation(
        name="feed",
        title="Decode as octets arrive: one decoder made, fed once",
        notes=(
            "sslmagic: Decoder(format).feed(); Twisted: V1Parser/V2Parser().feed()",
            "Go: its reader as above; proxy-protocol has none",
        ),
    ),
    Operation(
        name="encode",
        title="Encode: a ready value to octets",
        notes=(
            "sslmagic: encode(preamble, format); Go: Header.Format()",
            "proxy-protocol: pack(result); Twisted has no encoder",
        ),
    ),
    Operation(
        name="encode-addresses",
        title="Encode: two packed addresses to octets, as a gateway does",
        notes=(
            "sslmagic: encode_tcp4(block, format); elsewhere Preamble.packed, encode",
            "Go: HeaderProxyFromAddrs of two net.TCPAddr, Format()",
            "proxy-protocol: a result of two ipaddress values, pack()",
        ),
    ),
)

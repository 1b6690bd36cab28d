"""sslmagic's operations."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.codec.cases import Case
from benchmarks.codec.statement import Seconds, statement
from sslmagic import Decoder, Preamble, Transport, decode, encode
from sslmagic.wire import encode_tcp4

__all__ = ["NAME", "operations"]

NAME = "sslmagic"

_STATEMENTS = {
    "decode": "decode(octets, format)",
    "decode-text": "found = decode(octets, format)[0]; found.source; found.destination",
    "feed": "Decoder(format).feed(octets)",
    "encode": "encode(preamble, format)",
    "encode-addresses": "encode(Preamble.packed(transport, block, tlvs), format)",
}
_FROM_BLOCK = "encode_tcp4(block, format)"
"""What `encode-addresses` is for the commonest preamble, in the gateway too."""


def operations(case: Case) -> Mapping[str, Seconds]:
    """Return how to time each operation on *case*, by the operation's name."""
    preamble = case.preamble
    statements = dict(_STATEMENTS)
    if preamble.transport is Transport.TCP4 and not preamble.tlvs:
        statements["encode-addresses"] = _FROM_BLOCK
    return {
        name: statement(
            code,
            decode=decode,
            encode=encode,
            encode_tcp4=encode_tcp4,
            Decoder=Decoder,
            Preamble=Preamble,
            preamble=preamble,
            octets=case.octets,
            format=case.format,
            transport=preamble.transport,
            block=preamble.block,
            tlvs=preamble.tlvs,
        )
        for name, code in statements.items()
    }

"""sslmagic's operations."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.codec.cases import Case
from benchmarks.codec.statement import Seconds, statement
from sslmagic import Decoder, Preamble, decode, encode

__all__ = ["NAME", "operations"]

NAME = "sslmagic"

_STATEMENTS = {
    "decode": "decode(octets, format)",
    "decode-text": "found = decode(octets, format)[0]; found.source; found.destination",
    "feed": "Decoder(format).feed(octets)",
    "encode": "encode(preamble, format)",
    "encode-addresses": "encode(Preamble.packed(transport, block, tlvs), format)",
}


def operations(case: Case) -> Mapping[str, Seconds]:
    """Return how to time each operation on *case*, by the operation's name."""
    preamble = case.preamble
    return {
        name: statement(
            code,
            decode=decode,
            encode=encode,
            Decoder=Decoder,
            Preamble=Preamble,
            preamble=preamble,
            octets=case.octets,
            format=case.format,
            transport=preamble.transport,
            block=preamble.block,
            tlvs=preamble.tlvs,
        )
        for name, code in _STATEMENTS.items()
    }

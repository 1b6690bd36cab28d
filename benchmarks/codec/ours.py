"""sslmagic's operations, as callables without arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.codec.cases import Case
from sslmagic import Decoder, Preamble, decode, encode

__all__ = ["NAME", "operations"]

NAME = "sslmagic"


def operations(case: Case) -> Mapping[str, Callable[[], object]]:
    """Return what is measured for *case*, by the name of the operation."""
    octets, format, preamble = case.octets, case.format, case.preamble
    transport, block, tlvs = preamble.transport, preamble.block, preamble.tlvs

    def read() -> object:
        found, _ = decode(octets, format)
        return found.source, found.destination

    return {
        "decode": lambda: decode(octets, format),
        "feed": lambda: Decoder(format).feed(octets),
        "decode-text": read,
        "encode": lambda: encode(preamble, format),
        "encode-addresses": lambda: encode(
            Preamble.packed(transport, block, tlvs), format
        ),
    }

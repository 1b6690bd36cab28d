"""The preambles that every codec is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sslmagic import TLV, Preamble, encode

__all__ = ["CASES", "Case"]

_SIDES4 = (("203.0.113.9", 51234), ("198.51.100.2", 443))
_SIDES6 = (("2001:db8:85a3::8a2e:370:7334", 51234), ("2001:db8:1::2", 443))
# What a TLS-aware HAProxy adds: ALPN, the server name and an id for the logs.
_TLVS = (TLV(0x01, b"h2"), TLV(0x02, b"shop.example"), TLV(0x05, b"7f3a9c51d2e84b60"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One preamble in one format."""

    format: str
    name: str
    preamble: Preamble

    @property
    def title(self) -> str:
        """What tables call it: ``proxy2 TCP4``."""
        return f"{self.format} {self.name}"

    @property
    def octets(self) -> bytes:
        """The preamble on the wire."""
        return encode(self.preamble, self.format)

    @property
    def peer_format(self) -> str:
        """What peers are given: nobody else speaks MAGIC, so its PROXY v2 twin."""
        return "proxy2" if self.format == "magic" else self.format

    @property
    def peer_octets(self) -> bytes:
        """The same preamble in the peers' format."""
        return encode(self.preamble, self.peer_format)


def _cases() -> Sequence[Case]:
    preambles = {
        "TCP4": Preamble(source=_SIDES4[0], destination=_SIDES4[1]),
        "TCP6": Preamble(source=_SIDES6[0], destination=_SIDES6[1]),
        "TCP4, 3 TLVs": Preamble(source=_SIDES4[0], destination=_SIDES4[1], tlvs=_TLVS),
    }
    return [
        Case(format=format, name=name, preamble=preamble)
        for format in ("magic", "proxy2", "proxy1")
        for name, preamble in preambles.items()
        if not (format == "proxy1" and preamble.tlvs)
    ]


CASES = _cases()
"""MAGIC, PROXY v2 and v1; IPv4, IPv6 and, where the format has them, TLVs."""

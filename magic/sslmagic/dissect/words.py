# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""Fields of text: words with one octet between, as PROXY v1 and the TLV PROOF have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scapy.fields import StrField
from scapy.packet import Packet
from scapy.volatile import RandChoice, RandIP, RandNum

from sslmagic.dissect.fields import OctetsField
from sslmagic.dissect.total import NOTHING

__all__ = [
    "EndField",
    "FamilyWord",
    "HostWord",
    "NumberWord",
    "TailField",
    "Word",
]


class Word(StrField):
    """A word, and in front of it the octet that stands between two words.

    Its value is text, or octets if it is no ASCII; `NOTHING` where the text ends
    before it, and built as that.

    Args:
        first: whether no octet stands in front of it.
        between: the octet between two words.
        ends: what ends a text that is whole, and belongs to no word.
    """

    __slots__ = ("between", "ends", "first")

    def __init__(
        self,
        name: str,
        default: Any,
        *,
        first: bool = False,
        between: bytes = b" ",
        ends: bytes = b"",
    ) -> None:
        super().__init__(name, default)
        self.first, self.between, self.ends = first, between, ends

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        if isinstance(x, bytes):
            return self.m2i(pkt, x)
        if isinstance(x, str) and not x.isascii():
            return x.encode("utf-8", "surrogateescape")
        return x

    def i2m(self, pkt: Packet | None, x: Any) -> bytes:
        return x if isinstance(x, bytes) else str(x).encode()

    def m2i(self, pkt: Packet | None, x: bytes) -> Any:
        return x.decode() if x.isascii() else x

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return x if isinstance(x, str) and x.isprintable() else repr(x)

    def room(self, pkt: Packet) -> int:
        """How many octets it needs."""
        return 0

    def addfield(self, pkt: Packet, s: bytes, val: Any) -> bytes:
        word = b"" if val is None else self.i2m(pkt, val)
        return s + (word if self.first else self.between + word)

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        end = len(s)
        if self.ends and s.endswith(self.ends):
            end -= len(self.ends)
        start = 0 if self.first else len(self.between)
        if end < start or (end == 0 and not self.first):
            return s, NOTHING
        stop = s.find(self.between, start, end)
        stop = end if stop < 0 else stop
        return s[stop:], self.m2i(pkt, s[start:stop])

    def randval(self) -> Any:
        return None


class FamilyWord(Word):
    """The family that a line names: found from the addresses where none is given."""

    __slots__ = ("found",)

    def __init__(
        self, name: str, default: str, *, found: Callable[[Packet], str], **said: Any
    ) -> None:
        super().__init__(name, default, **said)
        self.found = found

    def value(self, pkt: Packet | None, x: Any) -> Any:
        """The family meant."""
        given = pkt is not None and x is not None and self.name in pkt.fields
        if pkt is None or given or x not in (None, self.default):
            return x
        return self.found(pkt)

    def i2h(self, pkt: Packet | None, x: Any) -> Any:
        return self.value(pkt, x)

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        return super().i2repr(pkt, self.value(pkt, x))

    def addfield(self, pkt: Packet, s: bytes, val: Any) -> bytes:
        return super().addfield(pkt, s, self.value(pkt, val))

    def randval(self) -> Any:
        return RandChoice("TCP4", "TCP4", "TCP4", "TCP6", "UNKNOWN")


class TailField(OctetsField):
    """What stands between the last word and what ends the text."""

    __slots__ = ("ends",)

    def __init__(self, name: str, *, ends: bytes) -> None:
        super().__init__(name)
        self.ends = ends

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, bytes]:
        end = len(s) - (len(self.ends) if s.endswith(self.ends) else 0)
        return s[end:], s[:end]

    def randval(self) -> Any:
        return None


class EndField(OctetsField):
    """What ends the text; `NOTHING` where it does not end."""

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        return b"", s or NOTHING

    def randval(self) -> Any:
        return None


class NumberWord(Word):
    """A decimal number; a word that is not its one way of writing stays octets."""

    __slots__ = ("most",)

    def __init__(
        self, name: str, default: int, *, most: int = 65535, **said: Any
    ) -> None:
        super().__init__(name, default, **said)
        self.most = most

    def m2i(self, pkt: Packet | None, x: bytes) -> Any:
        if x.isdigit() and len(x) <= 20 and x == b"%d" % int(x):
            return int(x)
        return super().m2i(pkt, x)

    def randval(self) -> Any:
        return RandNum(0, self.most)


class HostWord(Word):
    """An address in text."""

    def randval(self) -> Any:
        return RandIP()

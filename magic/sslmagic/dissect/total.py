# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""A base for layers that take any octets whatever and give them back.

A scapy layer raises where its octets end too early, or fills up what is missing. These
keep what there was: dissecting never fails, and building gives the same octets again.
"""

from __future__ import annotations

from typing import Any

from scapy.fields import ConditionalField, RawVal
from scapy.packet import Packet

__all__ = ["NOTHING", "Cut", "Total"]


class Cut(RawVal):
    """What there is of a field whose octets are missing; it is built as it stands."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cut) and bytes(self) == bytes(other)

    def __hash__(self) -> int:
        return hash(bytes(self))

    def command(self, *, json: bool = False) -> str:
        """Return how it is written in Python, or in JSON, as scapy asks for it."""
        if json:
            return bytes(self).decode("utf-8", "backslashreplace")
        return repr(self)

    def __repr__(self) -> str:
        return f"Cut({bytes(self)!r})"

    __str__ = __repr__


NOTHING = Cut(b"")
"""A field of which not one octet came."""


class Total(Packet):
    """A layer that dissects whatever the octets are, and builds them again.

    A field named `length` says how many octets follow it; one named `unread` takes all
    of those that cannot be told apart.
    """

    __slots__ = ("whole",)
    whole: bool
    """Whether the octets reach as far as `length` says."""

    def is_lost(self) -> bool:
        """Whether what was read up to `UNTIL` says that the rest has no meaning."""
        return False

    UNTIL = ""
    """The last field that is read in any case."""

    def placed(self, part: Packet, at: int) -> None:
        """Note that *part* is being built, *at* octets behind this layer's first."""

    def front(self, octets: bytes) -> int:
        """How many octets can be this layer's at most."""
        return len(octets)

    def do_dissect(self, s: bytes) -> bytes:
        octets, end = s, self.front(s)
        s, behind = s[:end], s[end:]
        self.raw_packet_cache_fields = {}
        self.whole = True
        lost = False
        for field in self.fields_desc:
            if isinstance(field, ConditionalField) and not field.cond(self):
                continue
            if lost and field.name != "unread":
                self.fields[field.name] = [] if field.islist else NOTHING
                continue
            s = self._take(field, s)
            value = self.fields[field.name]
            if field.name == "length" and isinstance(value, int):
                self.whole = value <= len(s)
                s, behind = s[:value], s[value:] + behind
            if field.name == self.UNTIL:
                lost = self.is_lost()
        left = s + behind
        self.raw_packet_cache = octets[: len(octets) - len(left)]
        self.explicit = 1
        return left

    def _take(self, field: Any, s: Any) -> Any:
        """Read one field off the front; return what follows."""
        inner: Any = field.fld if isinstance(field, ConditionalField) else field
        # Half an octet was read: scapy hands on both, what is left and how far.
        have = len(s[0] if isinstance(s, tuple) else s)
        # What takes all there is says that it takes none; `sz` is of fixed sizes.
        need = inner.room(self) if hasattr(inner, "room") else inner.sz
        if have < need:
            self.fields[field.name] = Cut(bytes(s))
            return b""
        s, value = inner.getfield(self, s)
        if field.islist and self.raw_packet_cache_fields is not None:
            self.raw_packet_cache_fields[field.name] = (
                self._raw_packet_cache_field_value(inner, value, copy=True)
            )
        self.fields[field.name] = value
        return s

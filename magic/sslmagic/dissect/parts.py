# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""The field that holds packets within a packet: TLVs, and TLVs within one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scapy.fields import PacketListField
from scapy.packet import Packet

__all__ = ["PartsField"]


class PartsField(PacketListField):
    """Packets one behind the other, each of the class that its own octets choose.

    Args:
        front: returns the class and the length of the one at the front.
        reserve: octets at the end of the part that are not these packets'.
    """

    __slots__ = ("front", "reserve")

    def __init__(
        self,
        name: str,
        front: Callable[[bytes], tuple[type[Packet], int]],
        reserve: Callable[[Packet], int] | None = None,
    ) -> None:
        super().__init__(name, [], Packet)
        self.front = front
        self.reserve = reserve

    def room(self, pkt: Packet) -> int:
        """How many octets it needs."""
        return 0

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        behind = 0 if self.reserve is None else self.reserve(pkt)
        end = max(len(s) - behind, 0)
        found: list[Packet] = []
        at = 0
        while at < end:
            kind, length = self.front(s[at:end])
            part = s[at : min(at + length, end)]
            found.append(kind(part, _internal=1, _parent=pkt))
            at += len(part)
        return s[end:], found

    def addfield(self, pkt: Packet, s: bytes, val: Any) -> bytes:
        for part in val:
            pkt.placed(part, len(s))
            s += bytes(part)
        return s

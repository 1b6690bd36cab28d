# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""Fields that the layers share: octets, hosts, choices, and packets within packets.

A field's `room` is how many octets it needs; 0 of one that takes all there are.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable
from typing import Any

from scapy.fields import (
    BitEnumField,
    ByteEnumField,
    ConditionalField,
    Field,
    StrField,
    XByteField,
    XShortField,
)
from scapy.packet import Packet
from scapy.volatile import RandBin, RandNum, RandString, VolatileValue

from sslmagic.address import MAPPED
from sslmagic.block import Transport

__all__ = [
    "ChoiceBitsField",
    "ChoiceField",
    "FixedByteField",
    "FixedField",
    "FixedShortField",
    "HostField",
    "If",
    "Mostly",
    "OctetsField",
    "SizedField",
    "TextField",
    "TransportField",
    "UnreadField",
]

If = ConditionalField


class Mostly(RandNum):
    """A random number that is mostly one of those that mean something.

    With any number every time, `fuzz` would never reach what stands behind a field.
    """

    def __init__(self, meant: Iterable[int], most: int) -> None:
        super().__init__(0, most)
        self.meant = tuple(meant)

    def _fix(self) -> int:
        if random.randrange(8):
            return random.choice(self.meant)
        return super()._fix()

    def _command_args(self) -> str:
        return f"{self.meant!r}, {self.max!r}"


class ChoiceField(ByteEnumField):
    """An octet of which few values are defined."""

    def randval(self) -> Any:
        return Mostly(self.i2s or (), 0xFF)


class _Kept(Field[Any, Any]):
    """What is not fuzzed unless it is given: nothing behind it would be looked at."""

    def randval(self) -> Any:
        return None


class FixedByteField(_Kept, XByteField):
    """An octet that is always the same."""


class FixedShortField(_Kept, XShortField):
    """Two octets that are always the same."""


class OctetsField(StrField):
    """All octets up to the end of the part; at most *most* of them are fuzzed."""

    __slots__ = ("most",)

    def __init__(self, name: str, default: bytes = b"", most: int = 40) -> None:
        super().__init__(name, default)
        self.most = most

    def room(self, pkt: Packet) -> int:
        """How many octets it needs."""
        return 0

    def randval(self) -> Any:
        return RandBin(RandNum(0, self.most))

    def i2m(self, pkt: Packet | None, x: Any) -> bytes:
        return _octets(x)


class TextField(OctetsField):
    """Octets that are text, and fuzzed as letters and digits."""

    def randval(self) -> Any:
        return _Text(RandNum(1, self.most))


class _Text(RandString):
    """Random letters and digits, which scapy says in JSON for its own lengths only."""

    def _command_args(self) -> str:
        return f"size={self.size!r}"


class SizedField(OctetsField):
    """Octets of which the packet knows how many there are.

    A value of None is built as zeros, any other as it stands.
    """

    __slots__ = ("sized",)

    def __init__(
        self, name: str, default: bytes | None, sized: Callable[[Packet], int]
    ) -> None:
        super().__init__(name, default)  # type: ignore[arg-type]
        self.sized = sized

    def randval(self) -> Any:
        return RandBin(len(self.default or b""))

    def room(self, pkt: Packet) -> int:
        """How many octets it needs."""
        return self.sized(pkt)

    def i2m(self, pkt: Packet | None, x: Any) -> bytes:
        if x is None:
            return bytes(self.sized(pkt)) if pkt is not None else b""
        return _octets(x)

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, bytes]:
        size = self.sized(pkt)
        return s[size:], s[:size]


class UnreadField(_Kept, OctetsField):
    """What cannot be told apart; it is not fuzzed."""


class FixedField(_Kept, SizedField):
    """Octets that are always the same."""

    def __init__(self, name: str, default: bytes) -> None:
        super().__init__(name, default, lambda _: len(default))


class ChoiceBitsField(BitEnumField):
    """A part of an octet of which few values are defined, the default most of all."""

    def randval(self) -> Any:
        meant = [*(self.i2s or ()), self.default, self.default]
        return Mostly(meant, (1 << self.size) - 1)


class TransportField(ChoiceField):
    """Family and transport: found from the addresses where none is given."""

    __slots__ = ("carried", "found")

    def __init__(
        self,
        name: str,
        found: Callable[[Packet], int],
        carried: Iterable[Transport] = Transport,
    ) -> None:
        said = {transport.value: transport.label for transport in Transport}
        super().__init__(name, Transport.TCP4.value, said)
        self.found = found
        self.carried = tuple(carried)

    def randval(self) -> Any:
        return Mostly(self.carried, 0xFF)

    def value(self, pkt: Packet | None, x: Any) -> Any:
        """The transport meant."""
        given = pkt is not None and x is not None and self.name in pkt.fields
        if pkt is None or given or x not in (None, self.default):
            return x
        return self.found(pkt)

    def i2h(self, pkt: Packet | None, x: Any) -> Any:
        return self.value(pkt, x)

    def i2m(self, pkt: Packet | None, x: Any) -> Any:
        return self.value(pkt, x)

    def i2repr(self, pkt: Packet | None, x: Any) -> Any:
        return super().i2repr(pkt, self.value(pkt, x))


class HostField(Field[Any, bytes]):
    """An address of the block: IPv4, IPv6 or a path, as the packet's family says.

    A path is octets, up to its first trailing zero where it is shown; addresses are
    text, and octets are taken as they stand and filled up with zeros. An IPv4 address
    in a block of IPv6 becomes IPv4-mapped.
    """

    __slots__ = ("family", "others")

    def __init__(
        self,
        name: str,
        default: str,
        others: dict[int, str | bytes],
        family: Callable[[Packet], int],
    ) -> None:
        super().__init__(name, default, "0s")
        self.others = others
        self.family = family

    def room(self, pkt: Packet) -> int:
        """How many octets it needs."""
        return (0, 4, 16, 108)[self.family(pkt)]

    def value(self, pkt: Packet | None, x: Any) -> Any:
        """The address meant: the family's own default where none was given."""
        if pkt is None or self.name in pkt.fields or x != self.default:
            return x
        return self.others.get(self.family(pkt), x)

    def any2i(self, pkt: Packet | None, x: Any) -> Any:
        if isinstance(x, str):
            if x.startswith("/"):
                return x.encode("utf-8", "surrogateescape")
            packed = _packed(x)
            return socket.inet_ntop(_FAMILIES[len(packed)], packed)
        return x

    def i2m(self, pkt: Packet | None, x: Any) -> bytes:
        size = 4 if pkt is None else self.room(pkt)
        x = self.value(pkt, x)
        if x is None:
            return bytes(size)
        if isinstance(x, bytes):
            return x.ljust(size, b"\0")[:size]
        packed = _packed(str(x))
        if size == 16 and len(packed) == 4:
            packed = MAPPED + packed
        if len(packed) != size:
            raise ValueError(f"{x} does not fit in {size} octets")
        return packed

    def m2i(self, pkt: Packet | None, x: bytes) -> Any:
        family = _FAMILIES.get(len(x))
        return x if family is None else socket.inet_ntop(family, x)

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        x = self.value(pkt, x)
        if isinstance(x, VolatileValue):
            # Its text would be octets that are drawn, whatever those do to a terminal.
            return repr(x)
        return repr(x.rstrip(b"\0")) if isinstance(x, bytes) else str(x)

    def addfield(self, pkt: Packet, s: bytes, val: Any) -> bytes:
        return s + self.i2m(pkt, val)

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        size = self.room(pkt)
        return s[size:], self.m2i(pkt, s[:size])

    def randval(self) -> Any:
        return RandBin(108)


_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}


def _packed(host: str) -> bytes:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.inet_pton(family, host)
    except OSError:
        raise ValueError(f"{host!r} is no address, and no path") from None


def _octets(value: Any) -> bytes:
    """The octets of text and octets alike."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value)

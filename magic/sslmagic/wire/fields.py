"""The parts of a learnt layout that say who the client is: addresses and ports.

octets    4 or 16, in either order; IPv4 in 16 octets is IPv4-mapped
text      203.0.113.9, 2001:db8::1, or ::ffff:203.0.113.9 where the family is ipv6
decimal   one number: an IPv4 address of 32 bits, a port
hex       the octets as digits
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Literal as OneOf

from sslmagic.address import MAPPED, host_text, pack_host, unmapped
from sslmagic.wire.parts import ANY, DIGITS, HEX, Order, Part, check_choice

__all__ = ["Address", "Port"]

_DOTTED = frozenset(b"0123456789.")
_COLONS = HEX | frozenset(b":.")
_TEXT = {"ipv4": _DOTTED, "ipv6": _COLONS, "any": _COLONS}
_LEAST_TEXT = {"ipv4": 7, "ipv6": 2, "any": 2}
_MOST_TEXT = {"ipv4": 15, "ipv6": 45, "any": 45}
_SIDES = ("source", "destination")
_ORDERS = ("big", "little")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address(Part):
    """An IP address: whose it is and how it is written."""

    of: OneOf["source", "destination"]
    form: OneOf["octets", "text", "decimal", "hex"] = "octets"
    width: int = 4
    """Octets of the address, 4 or 16, in octets and hex."""
    order: Order = "big"
    family: OneOf["ipv4", "ipv6", "any"] = "any"
    """Of text. As ipv6, IPv4 is written IPv4-mapped."""
    full: bool = False
    """IPv6 text with all eight groups of four digits."""
    upper: bool = False
    """Hex digits are written A to F; both are read."""

    def __post_init__(self) -> None:
        check_choice("of", self.of, _SIDES)
        check_choice("form", self.form, ("octets", "text", "decimal", "hex"))
        check_choice("order", self.order, _ORDERS)
        check_choice("width", self.width, (4,) if self.form == "decimal" else (4, 16))
        check_choice("family", self.family, tuple(_TEXT))

    @property
    def name(self) -> str:
        """`source` or `destination`."""
        return self.of

    @property
    def least(self) -> int:
        """See `Part.least`."""
        if self.form == "text":
            return _LEAST_TEXT[self.family]
        return {"octets": self.width, "hex": 2 * self.width, "decimal": 1}[self.form]

    @property
    def most(self) -> int:
        """See `Part.most`."""
        if self.form == "text":
            return _MOST_TEXT[self.family]
        return {"octets": self.width, "hex": 2 * self.width, "decimal": 10}[self.form]

    @property
    def alphabet(self) -> frozenset[int]:
        """See `Part.alphabet`."""
        if self.form == "text":
            return _TEXT[self.family]
        return {"octets": ANY, "hex": HEX, "decimal": DIGITS}[self.form]

    @property
    def ends_outside(self) -> bool:
        """See `Part.ends_outside`."""
        return self.form in ("text", "decimal")

    def carries(self, packed: bytes) -> bool:
        """Return whether an address of 4 or 16 octets, unmapped, can stand here."""
        if self.form == "text":
            return len(packed) == 4 or self.family != "ipv4"
        return len(packed) <= self.width

    def read(self, field: bytes) -> bytes:
        """Return the 4 or 16 octets of the address; a mapped one gives its 4.

        IPv6 text is read however it is abbreviated, and hex in either case.

        Raises:
            ValueError: the field is no address, or IPv4 text or a number with zeros
                in front.
        """
        if self.form == "text":
            return self._read_text(field.decode("ascii"))
        if self.form == "octets":
            packed = field
        elif self.form == "hex":
            packed = bytes.fromhex(field.decode("ascii"))
        else:
            packed = _number(field, most=0xFFFFFFFF).to_bytes(4, "big")
        return unmapped(packed if self.order == "big" else packed[::-1])

    def write(self, packed: bytes) -> bytes:
        """Return the field of an address that it `carries`, of 4 or 16 octets."""
        if self.form == "text":
            return self._text(packed).encode("ascii")
        wide = packed if len(packed) == self.width else MAPPED + packed
        ordered = wide if self.order == "big" else wide[::-1]
        if self.form == "octets":
            return ordered
        if self.form == "hex":
            return _cased(ordered.hex(), upper=self.upper)
        return b"%d" % int.from_bytes(ordered, "big")

    def _read_text(self, text: str) -> bytes:
        if self.family == "ipv4" or (self.family == "any" and ":" not in text):
            return pack_host(text)
        return unmapped(ipaddress.IPv6Address(text).packed)

    def _text(self, packed: bytes) -> str:
        if len(packed) == 4:
            prefix = "::ffff:" if self.family == "ipv6" else ""
            return (prefix.upper() if self.upper else prefix) + host_text(packed)
        text = ipaddress.IPv6Address(packed).exploded if self.full else None
        text = text or host_text(packed)
        return text.upper() if self.upper else text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Port(Part):
    """A TCP port: whose it is and how it is written."""

    of: OneOf["source", "destination"]
    form: OneOf["octets", "decimal", "hex"] = "octets"
    width: int | None = None
    """Octets, 2 or 4; digits of a decimal (5) or hex (4) with leading zeros, None for
    one without."""
    order: Order = "big"
    """Of octets, and of hex with leading zeros."""
    upper: bool = False
    """Hex digits are written A to F; both are read."""

    def __post_init__(self) -> None:
        check_choice("of", self.of, _SIDES)
        check_choice("form", self.form, ("octets", "decimal", "hex"))
        widths = {"octets": (2, 4), "decimal": (None, 5), "hex": (None, 4)}
        check_choice("width", self.width, widths[self.form])
        check_choice("order", self.order, _ORDERS if self.width else _ORDERS[:1])

    @property
    def name(self) -> str:
        """`source port` or `destination port`."""
        return f"{self.of} port"

    @property
    def least(self) -> int:
        """See `Part.least`."""
        return self.width or 1

    @property
    def most(self) -> int:
        """See `Part.most`."""
        return self.width or (5 if self.form == "decimal" else 4)

    @property
    def alphabet(self) -> frozenset[int]:
        """See `Part.alphabet`."""
        return {"octets": ANY, "decimal": DIGITS, "hex": HEX}[self.form]

    @property
    def ends_outside(self) -> bool:
        """See `Part.ends_outside`."""
        return self.width is None

    def read(self, field: bytes) -> int:
        """Return the port; hex is read in either case.

        Raises:
            ValueError: the field is none, or has zeros in front that its width does
                not ask for.
        """
        if self.form == "octets":
            number = int.from_bytes(field, self.order)
        elif self.form == "decimal":
            return _number(field, most=0xFFFF, padded=self.width is not None)
        elif self.width:
            number = int.from_bytes(bytes.fromhex(field.decode("ascii")), self.order)
        else:
            if len(field) > 1 and field.startswith(b"0"):
                raise ValueError(f"{field.decode()!r} starts with a zero")
            number = int(field, 16)
        if number > 0xFFFF:
            raise ValueError(f"{number} is no port")
        return number

    def write(self, port: int) -> bytes:
        """Return the field of a port."""
        if self.form == "octets":
            assert self.width is not None
            return port.to_bytes(self.width, self.order)
        if self.form == "decimal":
            return b"%0*d" % (self.width or 1, port)
        if self.width:
            return _cased(port.to_bytes(2, self.order).hex(), upper=self.upper)
        return _cased(f"{port:x}", upper=self.upper)


def _cased(digits: str, *, upper: bool) -> bytes:
    return (digits.upper() if upper else digits).encode("ascii")


def _number(field: bytes, *, most: int, padded: bool = False) -> int:
    text = field.decode("ascii")
    if not padded and len(text) > 1 and text.startswith("0"):
        raise ValueError(f"{text!r} starts with a zero")
    if (number := int(text)) > most:
        raise ValueError(f"{text} is more than {most}")
    return number

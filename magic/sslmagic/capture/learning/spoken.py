"""The parts of a layout in words, for people."""

from __future__ import annotations

from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown

__all__ = ["spoken"]

_COUNTED = {
    "rest": "of what follows",
    "whole": "of the whole preamble",
    "next": "of the next part",
}


def spoken(part: Part) -> str:
    """Return what a part is and how it is written."""
    match part:
        case Literal():
            is_text = part.octets.isascii() and part.octets.decode().isprintable()
            return repr(part.octets.decode()) if is_text else "always the same"
        case Address():
            return _address(part)
        case Port():
            return _port(part)
        case Length():
            bias = f", {part.bias:+d}" if part.bias else ""
            return f"{_COUNTED[part.of]}{bias}, {_number(part)}"
        case Checksum():
            return f"{part.algorithm} of all octets before"
        case Unknown() if part.width is None:
            return "of any width"
        case _:
            return f"{part.least} octets"


def _address(part: Address) -> str:
    case = ", upper case" if part.upper else ""
    if part.form == "text":
        full = ", in full" if part.full else ""
        family = {"ipv4": "IPv4", "ipv6": "IPv6", "any": "IPv4 or IPv6"}[part.family]
        return f"{family} text{full}{case}"
    if part.form == "decimal":
        return f"IPv4 as one decimal number{_little(part.order)}"
    mapped = ", IPv4 as mapped" if part.width == 16 else ""
    hexadecimal = "in hex" if part.form == "hex" else ""
    octets = f"{part.width} octets {hexadecimal}".rstrip()
    return f"{octets}{mapped}{_little(part.order)}{case}"


def _port(part: Port) -> str:
    if part.form == "octets":
        return _ordered(part)
    padded = f" of {part.width} digits" if part.width else ""
    case = ", upper case" if part.upper else ""
    return f"{part.form} text{padded}{_little(part.order)}{case}"


def _number(part: Length) -> str:
    if part.form == "octets":
        return _ordered(part)
    case = ", upper case" if part.upper else ""
    return f"in {part.form} text{case}"


def _ordered(part: Length | Port) -> str:
    octets = "1 octet" if part.width == 1 else f"{part.width} octets"
    return f"{octets}{_little(part.order)}"


def _little(order: str) -> str:
    return ", little-endian" if order == "little" else ""

"""The fields of a learnt layout: its parts, and what they say."""

from __future__ import annotations

from collections.abc import Callable

from sslmagic.address import host_text
from sslmagic.anatomy.walk import LostError, Walk
from sslmagic.errors import DecodeError
from sslmagic.wire import Learnt
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part

__all__ = ["take_parts"]

_COUNTED = {
    "rest": "octets follow",
    "whole": "octets in all",
    "next": "octets in the next part",
}


def take_parts(walk: Walk, layout: Learnt) -> None:
    """Take the parts of a layout as far as they are right."""
    for part, start, end in layout.spans(walk.octets):
        if end > start:
            walk.take(end - start, part.name, _meaning(part, walk.octets[:start]))
    try:
        whole = layout.frame(walk.octets, layout.limit).length
    except DecodeError:
        raise LostError from None
    if not whole:
        raise LostError


def _meaning(part: Part, before: bytes) -> Callable[[bytes], str]:
    """Return what tells the meaning of a part's octets."""
    match part:
        case Address():
            return lambda octets: _said(lambda: host_text(part.read(octets)))
        case Port():
            return lambda octets: _said(lambda: str(part.read(octets)))
        case Length():
            return lambda octets: f"{part.count(octets)} {_COUNTED[part.of]}"
        case Checksum() if part.refusal is None:
            return lambda octets: _matches(octets, part.of(before))
        case Literal():
            return _text
        case _:
            return _unknown


def _said(read: Callable[[], str]) -> str:
    try:
        return read()
    except ValueError as error:
        return str(error)


def _matches(octets: bytes, right: bytes) -> str:
    return "matches" if octets == right else f"does not match: {right.hex()}"


def _text(octets: bytes) -> str:
    is_text = octets.isascii() and any(octet > 0x20 for octet in octets)
    return octets.decode("ascii") if is_text else ""


def _unknown(octets: bytes) -> str:
    text = _text(octets) if octets.isascii() and octets.decode().isprintable() else ""
    return f"unknown: {text}" if text else "unknown"

"""How a sequence of parts is written: what is computed comes last."""

from __future__ import annotations

from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown

__all__ = ["octets_of"]


def octets_of(
    parts: tuple[Part, ...], hosts: dict[str, bytes], ports: dict[str, int]
) -> bytes:
    """Return the octets that name these addresses, each as wide as its part carries.

    Raises:
        EncodeError: a part is not known well enough to be written.
    """
    fields: list[bytes] = []
    for part in parts:
        match part:
            case Address():
                fields.append(part.write(hosts[part.of]))
            case Port():
                fields.append(part.write(ports[part.of]))
            case Unknown():
                fields.append(part.write())
            case Literal():
                fields.append(part.octets)
            case _:
                # What is computed is filled in below.
                fields.append(bytes(part.least))
    for at, part in enumerate(parts):
        if isinstance(part, Length) and part.of == "next":
            fields[at] = part.write(len(fields[at + 1]))
    for at, part in enumerate(parts):
        if isinstance(part, Length) and part.of != "next":
            fields[at] = _length(part, fields, at)
    for at, part in enumerate(parts):
        if isinstance(part, Checksum):
            fields[at] = part.of(b"".join(fields[:at]))
    return b"".join(fields)


def _length(part: Length, fields: list[bytes], at: int) -> bytes:
    """Return the field of a length of the rest or of the whole, at that place."""
    behind = sum(len(field) for field in fields[at + 1 :])
    if part.of == "rest":
        return part.write(behind)
    before = sum(len(field) for field in fields[:at])
    # A decimal counts itself: as wide as the number that it then is.
    width = part.least
    while len(field := part.write(before + width + behind)) != width:
        width = len(field)
    return field

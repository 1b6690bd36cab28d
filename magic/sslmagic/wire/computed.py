"""The parts of a learnt layout that are computed from the others: lengths, checksums.

They are written when all that they depend on is.
"""

from __future__ import annotations

import binascii
import dataclasses
from collections.abc import Callable
from typing import Literal as OneOf

from sslmagic.crc32c import crc32c
from sslmagic.errors import ConfigurationError, EncodeError
from sslmagic.wire.parts import ANY, DIGITS, HEX, Order, Part, check_choice

__all__ = ["Checksum", "Length"]

_MOST_LENGTH = 5
"""Digits of a length in text: more than any preamble is long."""
_LENGTH_WIDTHS: dict[str, tuple[int | None, ...]] = {
    "octets": (1, 2, 4),
    "decimal": (None, 1, 2, 3, 4, 5),
    "hex": (2, 4),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Length(Part):
    """A number of octets; what it counts and its bias make the number on the wire."""

    of: OneOf["rest", "whole", "next"] = "rest"
    """What it counts: the octets behind this field, all octets of the preamble, or
    those of the next part."""
    form: OneOf["octets", "decimal", "hex"] = "octets"
    width: int | None = None
    """Octets 1, 2 or 4; digits of a decimal with leading zeros, None without them; 2 or
    4 digits of hex."""
    order: Order = "big"
    bias: int = 0
    """What the field says beyond the count."""
    upper: bool = False
    """Hex digits are written A to F; both are read."""

    def __post_init__(self) -> None:
        check_choice("of", self.of, ("rest", "whole", "next"))
        check_choice("form", self.form, tuple(_LENGTH_WIDTHS))
        check_choice("order", self.order, ("big", "little"))
        check_choice("width", self.width, _LENGTH_WIDTHS[self.form])

    @property
    def least(self) -> int:
        """See `Part.least`."""
        return self.width or 1

    @property
    def most(self) -> int:
        """See `Part.most`."""
        return self.width or _MOST_LENGTH

    @property
    def alphabet(self) -> frozenset[int]:
        """See `Part.alphabet`."""
        return {"octets": ANY, "decimal": DIGITS, "hex": HEX}[self.form]

    @property
    def ends_outside(self) -> bool:
        """See `Part.ends_outside`."""
        return self.width is None

    def count(self, field: bytes) -> int:
        """Return how many octets there are of what it counts; may be negative.

        Raises:
            ValueError: a decimal has zeros in front that its width does not ask for.
        """
        if self.form == "decimal":
            if self.width is None and len(field) > 1 and field.startswith(b"0"):
                raise ValueError(f"{field.decode()!r} starts with a zero")
            return int(field) - self.bias
        if self.form == "hex":
            return int(field, 16) - self.bias
        return int.from_bytes(field, self.order) - self.bias

    def write(self, count: int) -> bytes:
        """Return the field that says *count*.

        Raises:
            EncodeError: it does not fit.
        """
        number = count + self.bias
        try:
            if self.form == "octets":
                assert self.width is not None
                return number.to_bytes(self.width, self.order)
            kind = "d" if self.form == "decimal" else "X" if self.upper else "x"
            field = f"{number:0{self.width or 1}{kind}}".encode("ascii")
            if number < 0 or len(field) > self.most:
                raise OverflowError
        except OverflowError:
            raise EncodeError(f"a length of {number} does not fit its field") from None
        return field


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checksum(Part):
    """Octets that depend on all octets in front of them."""

    algorithm: OneOf["unknown", "xor8", "sum8", "sum16", "crc32", "crc32c"] = "unknown"
    width: int = 1
    """Octets; what the algorithm gives if it is known."""
    order: Order = "big"

    def __post_init__(self) -> None:
        check_choice("algorithm", self.algorithm, ("unknown", *_SUMS))
        check_choice("order", self.order, ("big", "little"))
        right = _SUM_WIDTH.get(self.algorithm, self.width)
        if self.width != right or self.width < 1:
            raise ConfigurationError(
                f"width={self.width}: {self.algorithm} has {max(right, 1)}"
            )

    @property
    def least(self) -> int:
        """Its width."""
        return self.width

    @property
    def most(self) -> int:
        """The same."""
        return self.least

    @property
    def refusal(self) -> str | None:
        """Why it cannot be written; None if it can."""
        if self.algorithm == "unknown":
            return "the checksum of this layout is not known"
        return None

    def of(self, octets: bytes) -> bytes:
        """Return the checksum of the octets in front of it, known or EncodeError.

        Raises:
            EncodeError: nobody knows how it is made.
        """
        if self.refusal is not None:
            raise EncodeError(self.refusal)
        number = _SUMS[self.algorithm](octets)
        return number.to_bytes(self.width, self.order)


def _xor8(octets: bytes) -> int:
    found = 0
    for octet in octets:
        found ^= octet
    return found


_SUMS: dict[str, Callable[[bytes], int]] = {
    "xor8": _xor8,
    "sum8": lambda octets: sum(octets) & 0xFF,
    "sum16": lambda octets: sum(octets) & 0xFFFF,
    "crc32": binascii.crc32,
    "crc32c": crc32c,
}
_SUM_WIDTH = {"xor8": 1, "sum8": 1, "sum16": 2, "crc32": 4, "crc32c": 4}

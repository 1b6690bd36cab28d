"""The parts that a learnt layout is made of, apart from the addresses and ports.

Each part knows how few and how many octets it takes, which octets it may hold, and how
it is written. Where a part ends that has no width of its own is the layout's to find:
by the literal behind it, or by a length in front.
"""

from __future__ import annotations

import abc
import binascii
import dataclasses
from collections.abc import Callable
from typing import Literal as OneOf

from sslmagic.crc32c import crc32c
from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason

__all__ = [
    "ANY",
    "DIGITS",
    "HEX",
    "MOST_UNKNOWN",
    "Checksum",
    "Length",
    "Literal",
    "Order",
    "Part",
    "Unknown",
    "check_choice",
]

ANY = frozenset(range(256))
DIGITS = frozenset(b"0123456789")
HEX = frozenset(b"0123456789abcdefABCDEF")

MOST_UNKNOWN = 512
"""Octets that a part without a width may take by default."""
_MOST_LENGTH = 5
"""Digits of a length in text: more than any preamble is long."""
_LENGTH_WIDTHS: dict[str, tuple[int | None, ...]] = {
    "octets": (1, 2, 4),
    "decimal": (None, 1, 2, 3, 4, 5),
    "hex": (2, 4),
}

Order = OneOf["big", "little"]


class Part(abc.ABC):
    """A run of octets with one meaning; immutable."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """What it is, in a word or two."""
        return type(self).__name__.lower()

    @property
    @abc.abstractmethod
    def least(self) -> int:
        """The fewest octets it takes."""
        ...

    @property
    @abc.abstractmethod
    def most(self) -> int:
        """The most octets it takes."""
        ...

    @property
    def alphabet(self) -> frozenset[int]:
        """The octets that may stand in it, at any place."""
        return ANY

    @property
    def ends_outside(self) -> bool:
        """Whether it ends at the first octet that is none of its alphabet."""
        return False

    @property
    def doubt(self) -> str | None:
        """What is written although nobody knows it, in words; None if it is known."""
        return None

    @property
    def refusal(self) -> str | None:
        """Why nothing can be written that could be right; None if something can."""
        return None

    def check(self, octets: bytes, at: int, end: int) -> None:
        """Judge what is there of the part's octets, *at* to *end*.

        Raises:
            DecodeError: at the first octet that has no place here.
        """
        alphabet = self.alphabet
        if alphabet is ANY:
            return
        for offset in range(at, min(end, len(octets))):
            if octets[offset] not in alphabet:
                raise DecodeError(
                    f"octet {octets[offset]:02X} has no place in the {self.name}",
                    reason=Reason.LINE,
                    offset=offset,
                )


@dataclasses.dataclass(frozen=True, slots=True)
class Literal(Part):
    """Octets that are the same in every preamble."""

    octets: bytes

    def __post_init__(self) -> None:
        if not self.octets:
            raise ConfigurationError("a literal of no octets")

    @property
    def least(self) -> int:
        """All of them."""
        return len(self.octets)

    @property
    def most(self) -> int:
        """The same."""
        return self.least

    def check(self, octets: bytes, at: int, end: int) -> None:
        """See `Part.check`."""
        found = octets[at:end]
        if self.octets.startswith(found):
            return
        wrong = next(i for i, octet in enumerate(found) if octet != self.octets[i])
        raise DecodeError(
            f"octet {found[wrong]:02X} where the layout has {self.octets[wrong]:02X}",
            reason=Reason.FORMAT,
            offset=at + wrong,
        )


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
class Unknown(Part):
    """Octets whose meaning nobody knows."""

    width: int | None = None
    """None where the next literal ends them, or a length."""
    shortest: int = 0
    """Octets at least where there is no width."""
    longest: int = MOST_UNKNOWN
    """Octets at most where there is no width."""
    seen: bytes | None = None
    """What stood there in every sample, and is written again; None if that varied."""
    text: bool = False
    """Whether it was printable text wherever it was seen."""

    def __post_init__(self) -> None:
        if self.width is not None and self.width < 1:
            raise ConfigurationError(f"width={self.width}: 1 octet is the least")
        if not 0 <= self.shortest <= self.longest:
            raise ConfigurationError(
                f"shortest={self.shortest} and longest={self.longest} leave no width"
            )
        seen = self.seen
        if seen is not None and not self.least <= len(seen) <= self.most:
            raise ConfigurationError(
                f"seen={seen.hex()!r} holds {len(seen)} octets, where the part has"
                f" {self.least} to {self.most}"
            )

    @property
    def least(self) -> int:
        """See `Part.least`."""
        return self.shortest if self.width is None else self.width

    @property
    def most(self) -> int:
        """See `Part.most`."""
        return self.longest if self.width is None else self.width

    @property
    def doubt(self) -> str | None:
        """What is written although nobody knows it, in words; None if it is known."""
        if self.seen is not None or self.refusal is not None:
            return None
        if not self.least:
            return "octets whose meaning is unknown are left out"
        return f"{self.least} octets whose meaning is unknown are written as zeros"

    @property
    def refusal(self) -> str | None:
        """Why nothing can be written that could be right; None if something can."""
        if self.seen is None and self.text and self.least:
            return "text of unknown meaning, which varies, cannot be made up"
        return None

    def write(self) -> bytes:
        """Return what stands there in a preamble of ours.

        Raises:
            EncodeError: nothing that could be right.
        """
        if self.seen is not None:
            return self.seen
        if self.refusal is not None:
            raise EncodeError(self.refusal)
        return bytes(self.least)


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


def check_choice(key: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse a value of a layout that is none of *choices*.

    Raises:
        ConfigurationError: saying which ones would be right.
    """
    if value not in choices or isinstance(value, bool):
        right = ", ".join("none" if one is None else str(one) for one in choices)
        raise ConfigurationError(f"{key}={value!r} is none of {right}")


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

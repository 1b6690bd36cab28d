"""What a part of a learnt layout is, and the parts that mean nothing further.

Each part knows how few and how many octets it takes, which octets it may hold, and how
it is written. Where a part ends that has no width of its own is for the sequence to
find (`sslmagic.wire.steps`). The parts that say who the client is are in
`sslmagic.wire.fields`, those that follow from the others in `sslmagic.wire.computed`.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Literal as OneOf

from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason

__all__ = [
    "ANY",
    "DIGITS",
    "HEX",
    "MOST_UNKNOWN",
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


def check_choice(key: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse a value of a layout that is none of *choices*.

    Raises:
        ConfigurationError: saying which ones would be right.
    """
    if value not in choices or isinstance(value, bool):
        right = ", ".join("none" if one is None else str(one) for one in choices)
        raise ConfigurationError(f"{key}={value!r} is none of {right}")

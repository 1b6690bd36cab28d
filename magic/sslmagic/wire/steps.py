"""The steps in which a sequence of parts is read: what ends each, and what is behind.

A part ends where its width says, or where a length in front of it says, or else where
the literal behind it begins. Which of them is settled when a layout is made, so that
one that cannot be read is refused before it meets an octet.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from sslmagic.errors import ConfigurationError
from sslmagic.wire.computed import Length
from sslmagic.wire.parts import Literal, Part, Unknown

__all__ = ["Ending", "Step", "steps_of"]


class Ending(enum.Enum):
    """What ends a part."""

    WIDTH = enum.auto()
    GIVEN = enum.auto()
    """The length right in front of it."""
    STRANGER = enum.auto()
    """The first octet that is not of its alphabet."""
    LITERAL = enum.auto()
    """The first place where the literal behind it stands."""
    REST = enum.auto()
    """The end of the preamble, less what is behind it."""


class Step(NamedTuple):
    """One part in its sequence."""

    part: Part
    least: int
    """The fewest octets it takes by itself."""
    most: int
    """The most octets it takes by itself."""
    ending: Ending
    literal: bytes
    """The octets that end it; empty where no literal does."""
    least_behind: int
    """The fewest octets of all parts behind it."""
    most_behind: int
    """The most octets of all parts behind it."""


def steps_of(parts: tuple[Part, ...]) -> tuple[Step, ...]:
    """Return the steps of a sequence, one for each part.

    Raises:
        ConfigurationError: nothing tells where one of the parts ends.
    """
    found: list[Step] = []
    least_behind = sum(part.least for part in parts)
    most_behind = sum(part.most for part in parts)
    is_given = is_counted = False
    for at, part in enumerate(parts):
        least, most = part.least, part.most
        least_behind -= least
        most_behind -= most
        after = parts[at + 1] if at + 1 < len(parts) else None
        counts = part.of if isinstance(part, Length) else None
        if counts == "next":
            _check_counted(after, at)
        literal = b""
        if is_given:
            ending = Ending.GIVEN
        elif least == most:
            ending = Ending.WIDTH
        elif isinstance(after, Literal):
            ending = _ending_at(after, part, at)
            if ending is Ending.LITERAL:
                literal = after.octets
        elif is_counted and least_behind == most_behind:
            ending = Ending.REST
        else:
            raise ConfigurationError(
                f"part {at + 1}: nothing tells where the {part.name} ends: a literal"
                " behind it would, or a length in front"
            )
        found.append(
            Step(part, least, most, ending, literal, least_behind, most_behind)
        )
        is_given = counts == "next"
        is_counted = is_counted or counts in ("rest", "whole")
    return tuple(found)


def _check_counted(after: Part | None, at: int) -> None:
    """Refuse a length of the next part where that is none, or a length itself.

    Raises:
        ConfigurationError: as wide as what it says, it could not be written from left
            to right.
    """
    if after is None:
        raise ConfigurationError(f"part {at + 1}: a length of the next, and none is")
    if isinstance(after, Length):
        raise ConfigurationError(
            f"part {at + 1}: a length of the next, which is a length itself"
        )


def _ending_at(literal: Literal, part: Part, at: int) -> Ending:
    """Return how a part without a width ends in front of *literal*.

    Raises:
        ConfigurationError: it would not end there.
    """
    if not part.ends_outside:
        _check_seen(part, literal, at)
        return Ending.LITERAL
    if literal.octets[0] not in part.alphabet:
        return Ending.STRANGER
    raise ConfigurationError(
        f"part {at + 1}: the {part.name} does not end where the literal behind it"
        " begins, since it may hold that octet itself"
    )


def _check_seen(part: Part, literal: Literal, at: int) -> None:
    """Refuse what would be written and not read again: it holds the literal behind it.

    Raises:
        ConfigurationError: the literal would be found before its place.
    """
    seen = part.seen if isinstance(part, Unknown) else None
    if seen is None:
        return
    if (seen + literal.octets).find(literal.octets, part.least) < len(seen):
        raise ConfigurationError(
            f"part {at + 1}: seen={seen.hex()!r} does not end where the literal behind"
            " it begins, since it holds that itself"
        )

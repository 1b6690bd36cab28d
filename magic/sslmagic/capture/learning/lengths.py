"""Lengths that are right in all samples: of the rest, of the whole, of what is next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal as OneOf

from sslmagic.capture.learning.columns import NAME, START, Columns, Cursors, Step
from sslmagic.capture.learning.numbers import numbers
from sslmagic.wire.computed import Length
from sslmagic.wire.parts import DIGITS, Literal, Part

__all__ = ["lengths", "prefixed"]

_BIAS = 6.0
"""Bits of a bias that is not 0."""
_MOST_BIAS = 64


def lengths(columns: Columns, cursors: Cursors) -> Iterator[Step]:
    """Yield lengths of the rest or the whole."""
    for length, said, behind in numbers(columns.octets, cursors):
        rows = list(zip(said, behind, columns.ends, strict=True))
        rests = {number - (end - at) for number, at, end in rows}
        wholes = {number - end for number, _, end in rows}
        end = _ending(columns, length, behind)
        if end is None:
            continue
        literal, forth = end
        if forth == columns.ends and wholes != {0}:
            # Zeros at the end say that nothing follows, and are a trailer.
            continue
        if rests == {0}:
            made, cost = length, NAME
        elif wholes == {0}:
            made, cost = _of(length, "whole"), NAME
        elif (
            len(rests) == 1
            and not columns.are_even
            and abs(bias := rests.pop()) <= _MOST_BIAS
        ):
            made, cost = _of(length, "rest", bias), NAME + _BIAS
        else:
            continue
        cost += 8.0 * len(literal)
        yield Step(cost, (made, *literal), forth, has_length=True)


def prefixed(columns: Columns, cursors: Cursors) -> Iterator[Step]:
    """Yield fields and unknown octets that have their own length in front."""
    for length, said, behind in numbers(columns.octets, cursors):
        if length.ends_outside:
            # With a literal behind it, it is in front of the literal.
            continue
        made = _of(length, "next")
        for cost, field, spellings in columns.spellings:
            if not field.ends_outside or said != [len(s) for s in spellings]:
                continue
            if (forth := columns.behind(behind, spellings)) is not None:
                yield Step(cost + 6.0, (made, field), forth)
        forth = tuple(at + n for at, n in zip(behind, said, strict=True))
        fits = all(at <= end for at, end in zip(forth, columns.ends, strict=True))
        if fits and len(set(said)) > 1:
            unknown = columns.unknown(behind, forth)
            # Any number fits in front of enough octets: unless they are text, it is
            # told in full, and only what then stands in line pays for its name.
            told = sum(said) + (0 if unknown.text else sum(behind) - sum(cursors))
            cost = NAME + START + 8.0 * told
            yield Step(cost, (made, unknown), forth)


def _ending(
    columns: Columns, length: Length, behind: Cursors
) -> tuple[tuple[Part, ...], Cursors] | None:
    """Return the literal that must end a number in text, and where it ends."""
    if not length.ends_outside:
        return (), behind
    octet = columns.constant(behind)
    if octet is None or octet in DIGITS:
        return None
    return (Literal(bytes((octet,))),), tuple(at + 1 for at in behind)


def _of(length: Length, of: OneOf["rest", "whole", "next"], bias: int = 0) -> Length:
    return dataclasses.replace(length, of=of, bias=bias)

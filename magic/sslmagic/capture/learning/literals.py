"""What is the same in all samples: told once, however many they are."""

from __future__ import annotations

from collections.abc import Iterator

from sslmagic.capture.learning.columns import Columns, Cursors, Step
from sslmagic.wire.parts import Literal

__all__ = ["literals"]

_LONG = 128
"""Octets that are the same in all samples, from which on they are taken in one step: a
search has no patience for as many places, and as many bits."""
_RUN = 64.0
"""Bits of such a run at most, however long: nothing else explains it."""
_HEAD = 64
"""Octets at the front that are in none: lengths stand there, and may be the same."""
_TAIL = 16
"""Octets at its end that are not in it: as many as an address has."""


def literals(columns: Columns, cursors: Cursors) -> Iterator[Step]:
    """Yield the octet that is the same at all cursors, or much of a long run."""
    if run := _long_run(columns, cursors):
        forth = tuple(at + len(run) for at in cursors)
        yield Step(min(_RUN, 8.0 * len(run)), (Literal(run),), forth)
    elif (octet := columns.constant(cursors)) is not None:
        forth = tuple(at + 1 for at in cursors)
        yield Step(8.0, (Literal(bytes((octet,))),), forth)


def _long_run(columns: Columns, cursors: Cursors) -> bytes:
    """Return the octets that are the same at all cursors; empty if they are few.

    They end where a field may stand, and before their own end: the front of what
    varies may be the same.
    """
    first, start = columns.octets[0], cursors[0]
    front = first[start : start + _LONG]
    rows = list(zip(columns.octets, cursors, strict=True))
    if (
        start < _HEAD
        or len(front) < _LONG
        or columns.spelt_at[start]
        or not all(octets.startswith(front, at) for octets, at in rows)
    ):
        return b""
    rests = [octets[at:] for octets, at in rows]
    # Where the least and the greatest are alike, all between them are.
    pairs = enumerate(zip(min(rests), max(rests), strict=False))
    length = next((at for at, (one, other) in pairs if one != other), 0)
    end = start + (length or min(map(len, rests))) - _TAIL
    field = columns.spelt_at.find(1, start, end)
    return first[start : end if field < 0 else field]

"""Numbers that stand at one place of every sample, in whatever way they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal as OneOf

from sslmagic.capture.learning.columns import Cursors
from sslmagic.wire.computed import Length
from sslmagic.wire.parts import DIGITS, HEX

__all__ = ["numbers"]

_WIDTHS = (1, 2, 4)
_ORDERS: tuple[OneOf["big", "little"], ...] = ("big", "little")


def numbers(
    samples: Sequence[bytes], cursors: Cursors
) -> Iterator[tuple[Length, list[int], Cursors]]:
    """Yield how the numbers at the cursors may be written, they, and where they end."""
    rows = list(zip(samples, cursors, strict=True))
    for width in _WIDTHS:
        if any(at + width > len(octets) for octets, at in rows):
            break
        for order in _ORDERS[: 1 if width == 1 else 2]:
            read = [
                int.from_bytes(octets[at : at + width], order) for octets, at in rows
            ]
            behind = tuple(at + width for at in cursors)
            yield Length(width=width, order=order), read, behind
    runs = [_digits(octets, at) for octets, at in rows]
    if all(0 < len(run) <= 5 for run in runs):
        behind = tuple(at + len(run) for at, run in zip(cursors, runs, strict=True))
        widths = {len(run) for run in runs}
        padded = any(run[:1] == b"0" and len(run) > 1 for run in runs)
        if not padded or len(widths) == 1:
            digits = widths.pop() if padded else None
            length = Length(form="decimal", width=digits)
            yield length, [int(run) for run in runs], behind
    yield from _hex_numbers(rows)


def _hex_numbers(
    rows: Sequence[tuple[bytes, int]],
) -> Iterator[tuple[Length, list[int], Cursors]]:
    for width in (2, 4):
        fields = [octets[at : at + width] for octets, at in rows]
        if not all(len(one) == width and HEX.issuperset(one) for one in fields):
            return
        joined = b"".join(fields)
        is_upper = joined != joined.lower()
        if is_upper and joined != joined.upper():
            continue
        length = Length(form="hex", width=width, upper=is_upper)
        read = [int(one, 16) for one in fields]
        yield length, read, tuple(at + width for _, at in rows)


def _digits(octets: bytes, at: int) -> bytes:
    end = at
    while end < min(at + 6, len(octets)) and octets[end] in DIGITS:
        end += 1
    return octets[at:end]

"""Parts of a stream that wait for what comes before them, as Linux lets them wait.

They are (offset, octets), in order of their offsets. What arrives twice is resolved as
tcp_data_queue_ofo does it: a part that lies within one that waits is dropped, those
that lie within a new one are dropped, and of two that overlap in part the one that
begins earlier is read first. One that begins where another ends becomes part of it, as
in Linux, which coalesces them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable

__all__ = ["Part", "add", "differing", "overlaps", "within"]

Part = tuple[int, bytes]


def add(waiting: list[Part], offset: int, octets: bytes, *, closing: bool) -> None:
    """Let a part wait.

    Args:
        closing: whether its segment has a FIN, which makes it one octet longer than its
            data.
    """
    end = offset + len(octets)
    index = bisect.bisect_right(waiting, offset, key=_begin)
    if index:
        begin, before = waiting[index - 1]
        stop = begin + len(before)
        if end + (closing and offset == begin) <= stop:
            return
        if offset in (begin, stop):
            # Longer than one that begins alike, or right behind the one before.
            index -= 1
            waiting[index] = begin, octets if offset == begin else before + octets
        else:
            waiting.insert(index, (offset, octets))
    else:
        waiting.insert(0, (offset, octets))
    index += 1
    while index < len(waiting) and end >= waiting[index][0] + len(waiting[index][1]):
        del waiting[index]


def overlaps(parts: Iterable[Part], offset: int, end: int) -> bool:
    """Return whether any of the octets from *offset* to *end* is there."""
    return any(offset < at + len(part) and at < end for at, part in parts)


def within(parts: Iterable[Part], offset: int, end: int) -> bool:
    """Return whether the octets from *offset* to *end* are there, in one piece."""
    return any(at <= offset and end <= at + len(part) for at, part in parts)


def differing(parts: Iterable[Part], offset: int, octets: bytes) -> int:
    """Return how many of *octets*, from *offset* on, are there with another value.

    Args:
        parts: what is there, the part that is read first at the end.
    """
    known: dict[int, int] = {}
    for at, part in parts:
        begin, stop = max(at, offset), min(at + len(part), offset + len(octets))
        if (
            begin < stop
            and part[begin - at : stop - at] != octets[begin - offset : stop - offset]
        ):
            known.update(
                (index, part[index - at] != octets[index - offset])
                for index in range(begin, stop)
            )
    return sum(known.values())


def _begin(part: Part) -> int:
    return part[0]
